"""psycopg 3, unmodified: how its connections are opened, asked and closed.

Time limits: psycopg counts a connect timeout in whole seconds, two at the least. A
blocking connect that has less is made in a thread, and left there when its time is
over.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial
from inspect import isawaitable
from operator import attrgetter
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo, ExecStatus
from psycopg.rows import dict_row

from moorline import errors
from moorline.core.faults import Fault
from moorline.core.load import Life
from moorline.core.request import Dialect
from moorline.core.secret import Secret
from moorline.drivers.hung_up import is_hung_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from psycopg.pq.abc import PGconn, PGresult

    from moorline.core.attempt import Attempt
    from moorline.core.steps import Connect, Fetch, Row

__all__ = [
    "ASYNC_DIALECT",
    "DIALECT",
    "AsyncPsycopg",
    "ConfigError",
    "DeadlineExceeded",
    "NoNodeAvailable",
    "Password",
    "Psycopg",
    "TokenError",
    "acurrent",
    "current",
]

Password: TypeAlias = "Callable[[], str | Awaitable[str]]"  # noqa: S105 - a type

LEAST_TIMEOUT = 2
CONTROL: Mapping[str, Any] = {"autocommit": True}
NOTHING: Mapping[str, Any] = {}


class ConfigError(psycopg.ProgrammingError, errors.ConfigError):
    """`moorline.errors.ConfigError` that is a `psycopg.ProgrammingError` too."""


class NoNodeAvailable(errors.NoNodeAvailable, psycopg.OperationalError):
    """`moorline.errors.NoNodeAvailable` that is a `psycopg.OperationalError` too."""


class DeadlineExceeded(errors.DeadlineExceeded, psycopg.errors.ConnectionTimeout):
    """`moorline.errors.DeadlineExceeded` that is a `psycopg.OperationalError` too."""

    def __init__(
        self, summary: str, attempts: Iterable[Attempt] = (), hint: str = ""
    ) -> None:
        super().__init__(summary, attempts, hint)
        # TimeoutError is written in C and does not pass the call on.
        psycopg.Error.__init__(self, *self.args)


class TokenError(errors.TokenError, psycopg.OperationalError):
    """`moorline.errors.TokenError` that is a `psycopg.OperationalError` too."""


def fault_of(error: Exception) -> Fault:
    """Describe an exception of psycopg, or a time limit of ours."""
    if isinstance(error, TimeoutError):
        return Fault("no answer in time", answered=False)
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Fault(str(error), answered=False)
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return Fault(str(error), sqlstate=error.sqlstate)
    if isinstance(error, psycopg.OperationalError):
        return Fault(str(error))
    # Not about the server: a parameter that libpq refuses, a wrong argument.
    return Fault(str(error), answered=True)


def read(conninfo: str, arguments: Mapping[str, str]) -> dict[str, str]:
    """Parse a conninfo with libpq's own parser; arguments come before it."""
    said = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    return {**said, **arguments}


def defaults() -> dict[str, str]:
    """Return libpq's defaults: from ``PG*`` variables, a service file, or built in."""
    options = Conninfo.get_defaults()
    # A variable may be in any encoding.
    return {
        o.keyword.decode(): o.val.decode(errors="surrogateescape")
        for o in options
        if o.val is not None
    }


@cache
def keywords() -> frozenset[str]:
    """Return the names of all parameters that libpq takes."""
    libpq = {option.keyword.decode() for option in Conninfo.get_defaults()}
    # ssl=true is libpq's other way to write sslmode=require in a URI.
    return frozenset({*libpq, "ssl"})


def is_lost(conn: object) -> bool:
    """Tell whether a connection is closed, by its server too.

    psycopg finds that out when it next uses the connection; its socket knows now.
    """
    pgconn = cast("psycopg.Connection[object]", conn).pgconn
    try:
        descriptor = pgconn.socket
    except psycopg.OperationalError:
        return True  # libpq has given it up
    return is_hung_up(descriptor)


DIALECT = Dialect(
    fault_of=fault_of,
    life=Life(attrgetter("closed"), is_lost),
    read=read,
    defaults=defaults,
    keywords=keywords,
    passes_settings=False,
    timeout="connect_timeout",
    least_share=LEAST_TIMEOUT,
    config_error=ConfigError,
    no_node=NoNodeAvailable,
    deadline=DeadlineExceeded,
    no_token=TokenError,
)
ASYNC_DIALECT = replace(DIALECT, least_share=1.0)


def current(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with the password of this moment, if a function gives it."""
    password = arguments.get("password")
    if not callable(password):
        return dict(arguments)
    return {**arguments, "password": _password(password())}


async def acurrent(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `current` does; the function may be a coroutine function."""
    password = arguments.get("password")
    if not callable(password):
        return dict(arguments)
    given = password()
    return {
        **arguments,
        "password": _password(await given if isawaitable(given) else given),
    }


def _password(given: object) -> str:
    if isinstance(given, str):
        return given
    kind = type(given).__name__
    if isinstance(given, Coroutine):
        cast("Coroutine[object, object, object]", given).close()
    raise ConfigError(f"password() gave a {kind}, not a string")


class _Dialer:
    """Knows the parameters of one caller, moorline's options taken out.

    Args:
        connect: psycopg's own ``connect``, bound to the caller's connection class.
        conninfo: The conninfo, without moorline's options.
        arguments: libpq's parameters given by keyword.
        own: psycopg's own arguments, which control connections do without.
    """

    def __init__(
        self,
        connect: Callable[..., Any],
        conninfo: str,
        arguments: Mapping[str, Any],
        own: Mapping[str, Any] = NOTHING,
    ) -> None:
        self._connect = connect
        self._conninfo = Secret(conninfo)
        self._arguments = Secret(arguments)
        self._own = own

    def _for(self, step: Connect) -> dict[str, Any]:
        """Return the keyword arguments of one attempt."""
        own = CONTROL if step.control else self._own
        arguments = {**self._arguments.reveal(), **own}
        if step.password is not None:
            arguments["password"] = step.password.reveal()
        if step.address is not None:
            host, port, hostaddr = step.address
            arguments.update(host=host, port=port, hostaddr=hostaddr)
        elif not step.control:
            return arguments  # as the caller wrote it, to the letter
        if step.timeout is not None:
            arguments["connect_timeout"] = max(LEAST_TIMEOUT, int(step.timeout))
        return arguments


class Psycopg(_Dialer):
    """Performs steps with blocking connections."""

    def connect(self, step: Connect) -> object:
        """Open a connection."""
        connect = psycopg.Connection.connect if step.control else self._connect
        arguments = current(self._for(step))
        as_written = step.address is None and not step.control
        if as_written or step.timeout is None or step.timeout >= LEAST_TIMEOUT:
            return connect(self._conninfo.reveal(), **arguments)
        act = partial(connect, self._conninfo.reveal(), **arguments)
        return _in_time(act, step.timeout)

    def fetch(self, step: Fetch) -> Sequence[Row]:
        """Run a query, in no more than the step's time."""
        conn = cast("psycopg.Connection[object]", step.conn)
        return _query(conn.pgconn, step.sql, step.timeout)

    def close(self, conn: object) -> None:
        """Close a connection."""
        cast("psycopg.Connection[object]", conn).close()


class AsyncPsycopg(_Dialer):
    """Performs steps with asyncio connections."""

    async def connect(self, step: Connect) -> object:
        """Open a connection."""
        connect = psycopg.AsyncConnection.connect if step.control else self._connect
        as_written = step.address is None and not step.control
        async with asyncio.timeout(None if as_written else step.timeout):
            arguments = await acurrent(self._for(step))
            return await connect(self._conninfo.reveal(), **arguments)

    async def fetch(self, step: Fetch) -> Sequence[Row]:
        """Run a query, in no more than the step's time."""
        conn = cast("psycopg.AsyncConnection[object]", step.conn)
        async with asyncio.timeout(step.timeout):
            cursor = conn.cursor(row_factory=dict_row)
            await cursor.execute(step.sql.encode())
            return await cursor.fetchall()

    async def close(self, conn: object) -> None:
        """Close a connection."""
        await cast("psycopg.AsyncConnection[object]", conn).close()


def _in_time(
    connect: Callable[[], psycopg.Connection[object]], timeout: float
) -> psycopg.Connection[object]:
    """Connect in a thread; raise `TimeoutError` when the time is over.

    The thread ends in psycopg's own time, and closes what it opened too late.
    """
    outcome: Future[psycopg.Connection[object]] = Future()

    def work() -> None:
        try:
            conn = connect()
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(error)
        else:
            if outcome.set_running_or_notify_cancel():
                outcome.set_result(conn)
            else:
                conn.close()

    Thread(target=work, name="moorline-connect", daemon=True).start()
    try:
        return outcome.result(timeout)
    except TimeoutError:
        if outcome.cancel():
            raise
        return outcome.result()  # it came at the last moment
    except BaseException:
        outcome.cancel()
        outcome.add_done_callback(_drop)
        raise


def _drop(outcome: Future[psycopg.Connection[object]]) -> None:
    if not outcome.cancelled() and outcome.exception() is None:
        outcome.result().close()


def _query(pgconn: PGconn, sql: str, timeout: float | None) -> list[Row]:
    """Run a query on libpq itself: psycopg's blocking calls have no time limit."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pgconn.send_query(sql.encode())
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, selectors.EVENT_READ)
        while pgconn.is_busy():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not selector.select(left):
                message = f"no answer to {sql!r} within {timeout:g} s"
                raise TimeoutError(message)
            pgconn.consume_input()
    result = pgconn.get_result()
    assert result is not None  # noqa: S101 - is_busy() said that there is one
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result)
    return _rows(result)


def _rows(result: PGresult) -> list[Row]:
    names = [(result.fname(i) or b"").decode() for i in range(result.nfields)]
    return [
        {name: _text(result.get_value(row, i)) for i, name in enumerate(names)}
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()

"""psycopg 3 with connections spread over a YugabyteDB cluster.

Write ``from moorline.yugabyte import psycopg`` instead of ``import psycopg``. With
``load_balance=true``, `connect`, `Connection.connect` and `AsyncConnection.connect`
choose the node, and so do the pools, which are psycopg_pool's. Every other name is
psycopg's own, reachable through this module. Without it, psycopg does what it always
does.

The options are listed in `moorline.yugabyte.options`.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, cast

import psycopg as _psycopg
from psycopg import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary, reportAssignmentType]
from psycopg import ProgrammingError, adapters, conninfo, errors, pq, rows, sql, types
from psycopg.rows import Row

from moorline.core import dial
from moorline.drivers import psycopg as driver
from moorline.shell import aio, sync
from moorline.yugabyte.resolve import misspelt, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from psycopg.abc import AdaptContext, ConnParam
    from psycopg.rows import AsyncRowFactory, RowFactory

    from moorline.core.request import AddressMap
    from moorline.drivers.psycopg import Password
    from moorline.yugabyte.psycopg_pools import (
        AsyncConnectionPool,
        AsyncNullConnectionPool,
        ConnectionPool,
        NullConnectionPool,
    )

POOLS = "moorline.yugabyte.psycopg_pools"  # imported when asked for
__all__ = [
    "AsyncConnectionPool",
    "AsyncNullConnectionPool",
    "ConnectionPool",
    "NullConnectionPool",
    "adapters",
    "conninfo",
    "errors",
    "pq",
    "rows",
    "sql",
    "types",
]
__all__ += _psycopg.__all__


class Connection(_psycopg.Connection[Row]):  # type: ignore[no-redef]
    """`psycopg.Connection` whose `connect` chooses the node."""

    @classmethod
    def connect(
        cls,
        conninfo: str = "",
        *,
        autocommit: bool = False,
        prepare_threshold: int | None = 5,
        context: AdaptContext | None = None,
        row_factory: RowFactory[Row] | None = None,
        cursor_factory: type[_psycopg.Cursor[Row]] | None = None,
        **kwargs: ConnParam | Password | AddressMap,
    ) -> Self:
        """Connect as `psycopg.Connection.connect` does, to the node that is due.

        The connection is idle, in no transaction, and psycopg's own in all else.

        Args:
            conninfo: A URI or keyword conninfo; moorline's options may be in it.
            autocommit: As in psycopg.
            prepare_threshold: As in psycopg.
            context: As in psycopg.
            row_factory: As in psycopg.
            cursor_factory: As in psycopg.
            kwargs: Parameters of libpq, and moorline's options. ``connect_timeout``
                is the limit for the whole connect, in seconds: 10 if it is not
                given, none if it is 0. ``password`` may be a function that returns
                it, or under asyncio a coroutine function; it is asked for each
                connection.

        Raises:
            ConfigError: An option is unknown, malformed or contradicts another; it is
                a `psycopg.ProgrammingError` too.
            NoNodeAvailable: No node could be used; a `psycopg.OperationalError` too.
            DeadlineExceeded: ``connect_timeout`` is over; a
                `psycopg.errors.ConnectionTimeout` too.
        """
        own: dict[str, Any] = {
            "autocommit": autocommit,
            "prepare_threshold": prepare_threshold,
            "context": context,
            "row_factory": row_factory,
            "cursor_factory": cursor_factory,
        }
        given: dict[str, Any] = kwargs
        plan = resolve(conninfo, given, driver.DIALECT)
        if plan is None:
            try:
                return super().connect(conninfo, **own, **given)
            except ProgrammingError as error:
                _explain(error, conninfo, given)
        given = plan.drivers(given)
        if plan.cluster is None:
            return super().connect(plan.conninfo, **own, **driver.current(given))
        dialer = driver.Psycopg(super().connect, plan.conninfo, given, own)
        flow = dial.connect(*plan.cluster, time.monotonic())
        return cast("Self", sync.run(flow, dialer))


class AsyncConnection(_psycopg.AsyncConnection[Row]):  # type: ignore[no-redef]
    """`psycopg.AsyncConnection` whose `connect` chooses the node."""

    @classmethod
    async def connect(
        cls,
        conninfo: str = "",
        *,
        autocommit: bool = False,
        prepare_threshold: int | None = 5,
        context: AdaptContext | None = None,
        row_factory: AsyncRowFactory[Row] | None = None,
        cursor_factory: type[_psycopg.AsyncCursor[Row]] | None = None,
        **kwargs: ConnParam | Password | AddressMap,
    ) -> Self:
        """Connect as `psycopg.AsyncConnection.connect` does, to the node that is due.

        Arguments and errors are those of `Connection.connect`.
        """
        own: dict[str, Any] = {
            "autocommit": autocommit,
            "prepare_threshold": prepare_threshold,
            "context": context,
            "row_factory": row_factory,
            "cursor_factory": cursor_factory,
        }
        given: dict[str, Any] = kwargs
        plan = resolve(conninfo, given, driver.ASYNC_DIALECT)
        if plan is None:
            try:
                return await super().connect(conninfo, **own, **given)
            except ProgrammingError as error:
                _explain(error, conninfo, given)
        given = plan.drivers(given)
        if plan.cluster is None:
            given = await driver.acurrent(given)
            return await super().connect(plan.conninfo, **own, **given)
        dialer = driver.AsyncPsycopg(super().connect, plan.conninfo, given, own)
        flow = dial.connect(*plan.cluster, time.monotonic())
        return cast("Self", await aio.run(flow, dialer))


connect = Connection.connect


def _explain(
    error: ProgrammingError, conninfo: str, arguments: Iterable[str]
) -> NoReturn:
    """Raise psycopg's error, or a better one if an option of ours is misspelt."""
    meant = misspelt(conninfo, arguments)
    if meant:
        raise driver.ConfigError(meant) from error
    raise error


def __getattr__(name: str) -> object:
    if name.endswith("ConnectionPool"):
        return getattr(import_module(POOLS), name)
    return getattr(_psycopg, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *dir(_psycopg)})

"""psycopg 3 for Aurora DSQL: tokens for passwords, and verified TLS.

Write ``from moorline.dsql import psycopg`` instead of ``import psycopg``. `connect`,
`Connection.connect` and `AsyncConnection.connect` log in with a token of their own
making, and so do the pools, which are psycopg_pool's. Every other name is psycopg's
own, reachable through this module.

The options are listed in `moorline.dsql.options`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import psycopg as _psycopg
from psycopg import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary, reportAssignmentType]
from psycopg import adapters, conninfo, errors, pq, rows, sql, types
from psycopg.rows import Row

from moorline.drivers import psycopg as driver
from moorline.dsql.lifetime import age_of
from moorline.dsql.login import login
from moorline.dsql.resolve import Kind, known, resolve
from moorline.dsql.transactions.joined_psycopg import (
    JoiningAsyncConnection,
    JoiningConnection,
)
from moorline.shell import aio, sync

if TYPE_CHECKING:
    from typing import Self

    from psycopg.abc import AdaptContext, ConnParam
    from psycopg.rows import AsyncRowFactory, RowFactory

    from moorline.dsql.lifetime import Age
    from moorline.dsql.psycopg_pools import (
        AsyncConnectionPool,
        AsyncNullConnectionPool,
        ConnectionPool,
        NullConnectionPool,
    )
    from moorline.dsql.resolve import Wanted
    from moorline.dsql.signing import Provider

POOLS = "moorline.dsql.psycopg_pools"  # imported when asked for
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

DIRECT_SINCE = 170_000  # the libpq that can begin with TLS, saving a round trip
ENCRYPTED = ("require", "verify-ca", "verify-full")


def _finish(wanted: Wanted) -> dict[str, Any]:
    """Return libpq's parameters, but for the address and the password."""
    arguments: dict[str, Any] = {
        **wanted.rest,
        "user": wanted.user,
        "dbname": wanted.dbname,
        "application_name": wanted.application_name,
        "sslmode": wanted.sslmode,
    }
    if wanted.options:
        arguments["options"] = wanted.options
    if wanted.sslrootcert:
        arguments["sslrootcert"] = wanted.sslrootcert
    if pq.version() >= DIRECT_SINCE and wanted.sslmode in ENCRYPTED:
        arguments.setdefault("sslnegotiation", "direct")
    return arguments


KIND = Kind(
    dialect=driver.DIALECT,
    read=partial(driver.read, arguments={}),
    names=driver.keywords,
    finish=_finish,
    dials_names=False,
)
ASYNC_KIND = Kind(
    dialect=driver.ASYNC_DIALECT,
    read=KIND.read,
    names=KIND.names,
    finish=_finish,
    dials_names=False,
)


class Connection(JoiningConnection[Row]):  # type: ignore[no-redef]
    """`psycopg.Connection` whose `connect` logs in with a token.

    Within `moorline.dsql.run_transaction`, ``with conn.transaction()`` is a part of the
    transaction that is under way.

    Attributes:
        age: When it was opened.
    """

    age: Age

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
        **kwargs: ConnParam | Provider,
    ) -> Self:
        """Connect as `psycopg.Connection.connect` does, with a token for a password.

        The connection is idle, in no transaction, and psycopg's own in all else.

        Args:
            conninfo: A URI or keyword conninfo, or a cluster's endpoint or id alone;
                moorline's options may be in it.
            autocommit: As in psycopg.
            prepare_threshold: As in psycopg.
            context: As in psycopg.
            row_factory: As in psycopg.
            cursor_factory: As in psycopg.
            kwargs: Parameters of libpq, and moorline's options. ``user`` is ``admin``,
                ``dbname`` ``postgres`` and ``sslmode`` ``verify-full`` if not given.
                ``connect_timeout`` is the limit for the whole login, in seconds: 30 if
                it is not given, none if it is 0.

        Raises:
            ConfigError: An option is unknown, malformed or contradicts another; it is
                a `psycopg.ProgrammingError` too.
            TokenError: There are no AWS credentials, or the clock is wrong; a
                `psycopg.OperationalError` too.
            DeadlineExceeded: ``connect_timeout`` is over; a
                `psycopg.errors.ConnectionTimeout` too.
            OperationalError: psycopg's own, if the cluster refuses the login.
        """
        own: dict[str, Any] = {
            "autocommit": autocommit,
            "prepare_threshold": prepare_threshold,
            "context": context,
            "row_factory": row_factory,
            "cursor_factory": cursor_factory,
        }
        plan = resolve(conninfo, kwargs, KIND)
        dialer = driver.Psycopg(super().connect, "", plan.arguments, own)
        conn = cast("Self", sync.run(login(plan.target), dialer))
        conn.age = age_of(plan.target)
        return conn


class AsyncConnection(JoiningAsyncConnection[Row]):  # type: ignore[no-redef]
    """`psycopg.AsyncConnection` whose `connect` logs in with a token.

    Its ``transaction()`` is as that of `Connection`.

    Attributes:
        age: When it was opened.
    """

    age: Age

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
        **kwargs: ConnParam | Provider,
    ) -> Self:
        """Connect as `psycopg.AsyncConnection.connect` does, with a token.

        Arguments and errors are those of `Connection.connect`. Files and credentials
        are read in a thread.
        """
        own: dict[str, Any] = {
            "autocommit": autocommit,
            "prepare_threshold": prepare_threshold,
            "context": context,
            "row_factory": row_factory,
            "cursor_factory": cursor_factory,
        }
        plan = known(conninfo, kwargs, ASYNC_KIND)
        if plan is None:
            work = partial(resolve, conninfo, kwargs, ASYNC_KIND)
            plan = await asyncio.to_thread(work)
        dialer = driver.AsyncPsycopg(super().connect, "", plan.arguments, own)
        conn = cast("Self", await aio.run(login(plan.target), dialer))
        conn.age = age_of(plan.target)
        return conn


connect = Connection.connect


def __getattr__(name: str) -> object:
    if name.endswith("ConnectionPool"):
        return getattr(import_module(POOLS), name)
    return getattr(_psycopg, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *dir(_psycopg)})

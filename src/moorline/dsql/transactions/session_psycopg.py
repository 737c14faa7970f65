"""Transactions on psycopg 3: connections, and the pools of psycopg_pool.

Statements of our own go to libpq by psycopg's own generators, and not through a cursor:
so COMMIT's command tag can be seen, and whoever is cancelled meanwhile is not kept
waiting while psycopg asks the server to cancel a COMMIT.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import psycopg
from psycopg import generators, waiting

from moorline.dsql.transactions.driver_psycopg import DRIVER

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    from moorline.dsql.transactions.session import AsyncSession, Run, SyncSession

    Connection: TypeAlias = psycopg.Connection[Any]
    AsyncConnection: TypeAlias = psycopg.AsyncConnection[Any]
    Pool: TypeAlias = ConnectionPool[Connection]
    AsyncPool: TypeAlias = AsyncConnectionPool[AsyncConnection]

__all__ = ["session_for"]

# Seconds between two looks for a signal, as in psycopg itself.
INTERVAL = 0.1


def session_for(target: Any) -> SyncSession | AsyncSession | None:  # noqa: ANN401 - any
    """Return what performs transactions on a target; `None` if it is not one."""
    if isinstance(target, psycopg.Connection):
        return PsycopgSession(cast("Any", target), None)
    if isinstance(target, psycopg.AsyncConnection):
        return AsyncPsycopgSession(cast("Any", target), None)
    if "psycopg_pool" not in sys.modules:
        return None
    from psycopg_pool import AsyncConnectionPool, ConnectionPool  # noqa: PLC0415 - there

    session: SyncSession | AsyncSession | None = None
    if isinstance(target, ConnectionPool):
        session = PsycopgSession(None, cast("Any", target))
    elif isinstance(target, AsyncConnectionPool):
        session = AsyncPsycopgSession(None, cast("Any", target))
    return session


def begin_statement(conn: Connection | AsyncConnection) -> str:
    """Return the BEGIN that psycopg itself would send."""
    parts = ["BEGIN"]
    if conn.isolation_level is not None:
        parts.append(f"ISOLATION LEVEL {conn.isolation_level.name.replace('_', ' ')}")
    if conn.read_only is not None:
        parts.append("READ ONLY" if conn.read_only else "READ WRITE")
    return " ".join(parts)


def statement(conn: Connection | AsyncConnection, sql: str) -> PQGen[str]:
    """Send a statement as text, and return its command tag."""
    conn.pgconn.send_query(sql.encode())
    results = yield from generators.execute(conn.pgconn)
    for result in results:
        if result.error_message:
            raise psycopg.errors.error_from_result(result)
    return (results[-1].command_status or b"").decode()


class _Session:
    """What both kinds remember of the connection in hand."""

    driver = DRIVER

    def __init__(self, *, pooled: bool) -> None:
        self.pooled = pooled
        self._restore = False

    def _is_switched(self, conn: Connection | AsyncConnection) -> bool:
        """Tell whether autocommit is to be switched off again, and can be."""
        restore, self._restore = self._restore, False
        return restore and not conn.closed


class PsycopgSession(_Session):
    """Performs the steps of a transaction with blocking connections."""

    blocking: Literal[True] = True

    def __init__(self, conn: Connection | None, pool: Pool | None) -> None:
        super().__init__(pooled=pool is not None)
        self._conn, self._pool = conn, pool

    def acquire(self) -> object:
        """Take a connection."""
        return self._pool.getconn() if self._pool else self._conn

    def begin(self, conn: object) -> None:
        """Begin a transaction, with psycopg's own BEGIN out of the way."""
        given = cast("Connection", conn)
        if not given.autocommit and not given.closed:
            given.autocommit = self._restore = True
        self._send(given, begin_statement(given))

    def run(self, step: Run) -> str:
        """Send a statement and return its command tag."""
        return self._send(cast("Connection", step.conn), step.sql, step.limit)

    def _send(self, conn: Connection, sql: str, limit: float | None = None) -> str:
        with conn.lock:
            sending = statement(conn, sql)
            socket = conn.pgconn.socket
            return waiting.wait(sending, socket, interval=INTERVAL, timeout=limit)

    def release(self, conn: object) -> None:
        """Give a connection back, with ``autocommit`` as it was."""
        given = cast("Connection", conn)
        if self._is_switched(given):
            given.autocommit = False
        if self._pool:
            self._pool.putconn(given)


class AsyncPsycopgSession(_Session):
    """Performs the steps of a transaction with asyncio connections."""

    blocking: Literal[False] = False

    def __init__(self, conn: AsyncConnection | None, pool: AsyncPool | None) -> None:
        super().__init__(pooled=pool is not None)
        self._conn, self._pool = conn, pool

    async def acquire(self) -> object:
        """Take a connection."""
        return await self._pool.getconn() if self._pool else self._conn

    async def begin(self, conn: object) -> None:
        """Begin a transaction, with psycopg's own BEGIN out of the way."""
        given = cast("AsyncConnection", conn)
        if not given.autocommit and not given.closed:
            await given.set_autocommit(True)
            self._restore = True
        await self._send(given, begin_statement(given))

    async def run(self, step: Run) -> str:
        """Send a statement and return its command tag."""
        conn = cast("AsyncConnection", step.conn)
        return await self._send(conn, step.sql, step.limit)

    async def _send(
        self, conn: AsyncConnection, sql: str, limit: float | None = None
    ) -> str:
        async with conn.lock:
            sending = statement(conn, sql)
            socket = conn.pgconn.socket
            return await waiting.wait_async(
                sending, socket, interval=INTERVAL, timeout=limit
            )

    async def release(self, conn: object) -> None:
        """Give a connection back, with ``autocommit`` as it was.

        A pool gets it back in any case, however often the caller is cancelled.
        """
        given = cast("AsyncConnection", conn)
        if self._is_switched(given):
            await given.set_autocommit(False)
        if self._pool:
            await asyncio.shield(asyncio.ensure_future(self._pool.putconn(given)))

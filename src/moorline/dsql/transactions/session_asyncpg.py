"""Transactions on asyncpg: connections and pools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from moorline.dsql.transactions.driver_asyncpg import DRIVER
from moorline.dsql.transactions.session import Run

if TYPE_CHECKING:
    from moorline.dsql.transactions.session import AsyncSession

__all__ = ["session_for"]


def session_for(target: object) -> AsyncSession | None:
    """Return what performs transactions on a target; `None` if it is not one."""
    if isinstance(target, asyncpg.Pool):
        return AsyncpgSession(None, target)
    if isinstance(target, asyncpg.Connection):
        return AsyncpgSession(target, None)
    return None


class AsyncpgSession:
    """Performs the steps of a transaction with asyncpg.

    A statement of our own whose caller is cancelled ends its connection: asyncpg would
    ask the server to cancel it, and go on as if nothing had happened.
    """

    blocking: Literal[False] = False
    driver = DRIVER

    def __init__(self, conn: Any, pool: Any) -> None:  # noqa: ANN401 - without types
        self.pooled = pool is not None
        self._conn, self._pool = conn, pool

    async def acquire(self) -> object:
        """Take a connection."""
        return await self._pool.acquire() if self.pooled else self._conn

    async def begin(self, conn: object) -> None:
        """Begin a transaction."""
        await self.run(Run(conn, "BEGIN"))

    async def run(self, step: Run) -> str:
        """Send a statement and return its command tag."""
        conn: Any = step.conn
        sending = asyncio.ensure_future(conn.execute(step.sql, timeout=step.limit))
        try:
            return str(await asyncio.shield(sending))
        except BaseException:
            if not sending.done():
                DRIVER.close(conn)
                sending.add_done_callback(_hear)
            raise

    async def release(self, conn: object) -> None:
        """Give a connection back to its pool, which sees to it that it is done."""
        if self.pooled:
            await self._pool.release(conn)


def _hear(sending: asyncio.Future[object]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not sending.cancelled():
        sending.exception()

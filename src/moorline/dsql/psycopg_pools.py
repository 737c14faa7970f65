"""psycopg_pool's pools for Aurora DSQL.

They are psycopg_pool's own classes with another `connection_class`. A connection is
retired after 45 to 55 minutes, by whoever asks for it next or in the background, before
the service would end it; and one that was ended while it was idle is not handed out.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import psycopg_pool
from psycopg import OperationalError

from moorline.drivers.psycopg import ConfigError, is_lost
from moorline.drivers.psycopg_pools import require
from moorline.dsql import lifetime
from moorline.dsql.lifetime import LONGEST, Retirement
from moorline.dsql.psycopg import AsyncConnection, Connection
from moorline.shell import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg_pool.abc import AsyncConninfoParam, ConninfoParam

    from moorline.drivers.psycopg_pools import AsyncPoolOptions, PoolOptions
    from moorline.dsql.lifetime import Timer

__all__ = [
    "AsyncConnectionPool",
    "AsyncNullConnectionPool",
    "ConnectionPool",
    "NullConnectionPool",
]

CT = TypeVar("CT", bound="Connection[Any]")
ACT = TypeVar("ACT", bound="AsyncConnection[Any]")
_DEFAULT: Any = Connection
_ASYNC_DEFAULT: Any = AsyncConnection
NO_TOKENS = "it makes no tokens"
# In seconds: how long to wait for an idle connection that somebody else took.
ACQUIRE_LIMIT = 1.0


class ConnectionPool(psycopg_pool.ConnectionPool[CT]):
    """`psycopg_pool.ConnectionPool` for a cluster.

    Args:
        conninfo: As for `connect`, or a function that returns it.
        connection_class: moorline's `Connection`, or a class derived from it.
        configure: As in psycopg_pool.
        max_lifetime: Seconds after which the last of the connections that were opened
            together is retired; the first is after nine elevenths of that. 3300 at the
            most.
        options: As in psycopg_pool.

    Raises:
        ConfigError: The connection class makes no tokens, or `max_lifetime` is more
            than the service allows.
    """

    def __init__(
        self,
        conninfo: ConninfoParam = "",
        *,
        connection_class: type[CT] = _DEFAULT,
        configure: Callable[[CT], None] | None = None,
        max_lifetime: float = LONGEST,
        **options: Unpack[PoolOptions[CT]],
    ) -> None:
        require(connection_class, Connection, NO_TOKENS)
        me: weakref.ref[ConnectionPool[Any]] = weakref.ref(self)
        retirement = Retirement(_checked(max_lifetime), lambda s: _wake(s, me))

        def enter(conn: CT) -> None:
            retirement.add(conn)
            if configure is not None:
                configure(conn)

        self._retirement = retirement
        weakref.finalize(self, retirement.stop)  # its timer is a thread
        super().__init__(
            conninfo,
            connection_class=connection_class,
            configure=enter,
            max_lifetime=max_lifetime,
            **options,
        )

    def close(self, timeout: float = 5.0) -> None:
        """Close the pool; see psycopg_pool."""
        self._retirement.stop()
        super().close(timeout)

    def getconn(self, timeout: float | None = None) -> CT:
        """Obtain a connection that works and is not due; see psycopg_pool."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            conn = super().getconn(deadline - time.monotonic())
            if not (self._retirement.is_due(conn) or is_lost(conn)):
                return conn
            conn.pgconn.finish()  # close() may mean to give it back
            self.putconn(conn)

    def retire(self) -> None:
        """Replace the idle connections that are due."""
        with suppress(OperationalError):  # closed, or none is idle any more
            for _ in range(self.get_stats().get("pool_available", 0)):
                # The one that has been idle for longest; those that are due go.
                self.putconn(self.getconn(ACQUIRE_LIMIT))
        self._retirement.woken()


class AsyncConnectionPool(psycopg_pool.AsyncConnectionPool[ACT]):
    """`psycopg_pool.AsyncConnectionPool` for a cluster; see `ConnectionPool`."""

    def __init__(
        self,
        conninfo: AsyncConninfoParam = "",
        *,
        connection_class: type[ACT] = _ASYNC_DEFAULT,
        configure: Callable[[ACT], Awaitable[None]] | None = None,
        max_lifetime: float = LONGEST,
        **options: Unpack[AsyncPoolOptions[ACT]],
    ) -> None:
        require(connection_class, AsyncConnection, NO_TOKENS)
        me: weakref.ref[AsyncConnectionPool[Any]] = weakref.ref(self)
        retirement = Retirement(_checked(max_lifetime), lambda s: _awake(s, me))

        async def enter(conn: ACT) -> None:
            retirement.add(conn)
            if configure is not None:
                await configure(conn)

        self._retirement = retirement
        super().__init__(
            conninfo,
            connection_class=connection_class,
            configure=enter,
            max_lifetime=max_lifetime,
            **options,
        )

    async def getconn(self, timeout: float | None = None) -> ACT:  # noqa: ASYNC109 - psycopg_pool's signature
        """Obtain a connection that works and is not due; see psycopg_pool."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            conn = await super().getconn(deadline - time.monotonic())
            if not (self._retirement.is_due(conn) or is_lost(conn)):
                return conn
            conn.pgconn.finish()  # close() may mean to give it back
            await self.putconn(conn)

    async def retire(self) -> None:
        """Replace the idle connections that are due."""
        with suppress(OperationalError):  # closed, or none is idle any more
            for _ in range(self.get_stats().get("pool_available", 0)):
                # The one that has been idle for longest; those that are due go.
                await self.putconn(await self.getconn(ACQUIRE_LIMIT))
        self._retirement.woken()


class NullConnectionPool(ConnectionPool[CT], psycopg_pool.NullConnectionPool[CT]):
    """`psycopg_pool.NullConnectionPool` for a cluster; see `ConnectionPool`."""


class AsyncNullConnectionPool(
    AsyncConnectionPool[ACT], psycopg_pool.AsyncNullConnectionPool[ACT]
):
    """`psycopg_pool.AsyncNullConnectionPool` for a cluster."""


def _wake(seconds: float, pool: weakref.ref[ConnectionPool[Any]]) -> Timer:
    def work() -> None:
        alive = pool()
        if alive is not None and not alive.closed:
            alive.retire()

    timer = threading.Timer(seconds, work)
    timer.name, timer.daemon = "moorline-retire", True
    timer.start()
    return timer


def _awake(seconds: float, pool: weakref.ref[AsyncConnectionPool[Any]]) -> Timer:
    loop = asyncio.get_running_loop()

    def work() -> None:
        alive = pool()
        if alive is not None and not alive.closed:
            aio.start_soon(loop, alive.retire)

    return loop.call_later(seconds, work)


def _checked(longest: float) -> float:
    try:
        return lifetime.checked(longest)
    except ValueError as error:
        raise ConfigError(str(error)) from None

"""psycopg_pool's pools, with connections that go to the nodes that are due.

They are psycopg_pool's own classes with another `connection_class`, and they let go of
connections to a node that `moorline.yugabyte.Cluster.drain` takes out of use: idle
ones at once, the others when they come back.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import psycopg_pool
from psycopg import OperationalError

from moorline.drivers import psycopg_pools as driver
from moorline.shell import aio
from moorline.yugabyte import registry
from moorline.yugabyte.psycopg import AsyncConnection, Connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg_pool.abc import AsyncConninfoParam, ConninfoParam

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
NO_CHOICE = "it chooses no node"
DRAINED = "the node of this connection is drained"


class PoolOptions(driver.PoolOptions[CT], total=False):
    """What blocking pools take besides."""

    configure: Callable[[CT], None] | None
    max_lifetime: float


class AsyncPoolOptions(driver.AsyncPoolOptions[ACT], total=False):
    """What asyncio's pools take besides."""

    configure: Callable[[ACT], Awaitable[None]] | None
    max_lifetime: float


class ConnectionPool(psycopg_pool.ConnectionPool[CT]):
    """`psycopg_pool.ConnectionPool` over a cluster.

    Args:
        conninfo: As for `connect`, or a function that returns it.
        connection_class: moorline's `Connection`, or a class derived from it.
        options: As in psycopg_pool.

    Raises:
        ConfigError: The connection class is not one that chooses its node.
    """

    def __init__(
        self,
        conninfo: ConninfoParam = "",
        *,
        connection_class: type[CT] = _DEFAULT,
        **options: Unpack[PoolOptions[CT]],
    ) -> None:
        driver.require(connection_class, Connection, NO_CHOICE)
        super().__init__(
            conninfo,
            connection_class=connection_class,
            **options,
        )
        registry.watch(self)

    def putconn(self, conn: CT) -> None:
        """Take a connection back, or replace it if its node is drained."""
        if registry.is_drained(conn):
            conn.pgconn.finish()  # close() may mean to give it back
        super().putconn(conn)

    @staticmethod
    def check_connection(conn: CT) -> None:
        """Verify that a connection works and is to be kept; see psycopg_pool."""
        if registry.is_drained(conn):
            conn.close()
            raise OperationalError(DRAINED)
        psycopg_pool.ConnectionPool.check_connection(conn)

    def retire(self) -> None:
        """Begin to replace idle connections to nodes that are drained."""
        if not self.closed:
            threading.Thread(
                target=self.check, name="moorline-drain", daemon=True
            ).start()


class AsyncConnectionPool(psycopg_pool.AsyncConnectionPool[ACT]):
    """`psycopg_pool.AsyncConnectionPool` over a cluster; see `ConnectionPool`."""

    def __init__(
        self,
        conninfo: AsyncConninfoParam = "",
        *,
        connection_class: type[ACT] = _ASYNC_DEFAULT,
        **options: Unpack[AsyncPoolOptions[ACT]],
    ) -> None:
        driver.require(connection_class, AsyncConnection, NO_CHOICE)
        super().__init__(
            conninfo,
            connection_class=connection_class,
            **options,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        registry.watch(self)

    async def open(self, wait: bool = False, timeout: float = 30.0) -> None:  # noqa: FBT001, FBT002, ASYNC109 - psycopg_pool's signature
        """Open the pool, in the running loop; see psycopg_pool."""
        self._loop = asyncio.get_running_loop()
        await super().open(wait, timeout)

    async def putconn(self, conn: ACT) -> None:
        """Take a connection back, or replace it if its node is drained."""
        if registry.is_drained(conn):
            conn.pgconn.finish()  # close() may mean to give it back
        await super().putconn(conn)

    @staticmethod
    async def check_connection(conn: ACT) -> None:
        """Verify that a connection works and is to be kept; see psycopg_pool."""
        if registry.is_drained(conn):
            await conn.close()
            raise OperationalError(DRAINED)
        await psycopg_pool.AsyncConnectionPool.check_connection(conn)

    def retire(self) -> None:
        """Begin to replace idle connections to nodes that are drained."""
        if self._loop is not None and not self.closed:
            aio.start_soon(self._loop, self.check)


class NullConnectionPool(ConnectionPool[CT], psycopg_pool.NullConnectionPool[CT]):
    """`psycopg_pool.NullConnectionPool` over a cluster; see `ConnectionPool`."""


class AsyncNullConnectionPool(
    AsyncConnectionPool[ACT], psycopg_pool.AsyncNullConnectionPool[ACT]
):
    """`psycopg_pool.AsyncNullConnectionPool` over a cluster."""

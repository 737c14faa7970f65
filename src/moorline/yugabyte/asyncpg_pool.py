"""asyncpg's pool, which lets go of connections to nodes that are drained."""

# asyncpg's methods have no annotations.
# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg
from asyncpg import Connection
from asyncpg.exceptions import InterfaceError, PostgresError

from moorline.shell import aio
from moorline.yugabyte import registry

__all__ = ["BalancedPool"]

logger = logging.getLogger(__name__)

# In seconds: how long to wait for an idle connection that somebody else took.
ACQUIRE_LIMIT = 1.0


class BalancedPool(asyncpg.Pool):
    """`asyncpg.Pool` with one more habit; made by `create_pool`."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - asyncpg's
        # As asyncpg finds its loop when none is given.
        self._home = options.get("loop") or asyncio.get_event_loop()
        super().__init__(*args, **{**options, "loop": self._home})
        registry.watch(self)

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ANN401, ASYNC109 - asyncpg's
        """Give a connection back to the pool; see asyncpg."""
        drained = _drained_pids()
        is_drained = bool(drained) and _pid(connection) in drained
        await super().release(connection, timeout=timeout)
        if is_drained:
            self.retire()

    def retire(self) -> None:
        """Begin to replace idle connections to nodes that are drained."""
        aio.start_soon(self._home, self._retire)

    async def _retire(self) -> None:
        """Take all idle connections, close those that must go, give the others back."""
        pids = _drained_pids()
        taken: list[Any] = []
        try:
            while pids and self.get_idle_size():
                taken.append(await self.acquire(timeout=ACQUIRE_LIMIT))
            for conn in taken:
                if conn.get_server_pid() in pids:
                    await conn.close()
        except (OSError, PostgresError, InterfaceError) as error:
            logger.warning("idle connections to drained nodes stay for now: %s", error)
        finally:
            for conn in taken:
                await super().release(conn)


def _drained_pids() -> set[int | None]:
    """Return the server processes of asyncpg's connections to drained nodes.

    A pool hands out proxies, which no public name leads from to their connections.
    """
    drained = registry.drained_connections()
    conns = [conn for conn in drained if isinstance(conn, Connection)]
    return {conn.get_server_pid() for conn in conns if not conn.is_closed()}


def _pid(connection: Any) -> int | None:  # noqa: ANN401 - asyncpg's
    try:
        pid: int = connection.get_server_pid()
    except InterfaceError:  # it was released before
        return None
    return pid

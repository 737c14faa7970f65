"""asyncpg's pool, which retires connections before the service ends them."""

# asyncpg's methods have no annotations.
# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

from moorline.drivers.asyncpg import ConfigError
from moorline.drivers.hung_up import is_hung_up
from moorline.dsql import lifetime
from moorline.dsql.lifetime import Retirement
from moorline.shell import aio

if TYPE_CHECKING:
    from collections.abc import Generator

    from moorline.dsql.lifetime import Timer

__all__ = ["RetiringPool"]

logger = logging.getLogger(__name__)

# In seconds: how long to wait for an idle connection that somebody else took.
ACQUIRE_LIMIT = 1.0


class RetiringPool(asyncpg.Pool):
    """`asyncpg.Pool` with one more habit; made by `moorline.dsql.asyncpg.create_pool`.

    Args:
        args: As for asyncpg.
        max_lifetime: Seconds after which the last of the connections that were opened
            together is retired.
        connect: Opens a connection.
        options: As for asyncpg.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - asyncpg's
        max_lifetime: float,
        connect: Any,  # noqa: ANN401 - asyncpg's
        **options: Any,  # noqa: ANN401 - asyncpg's
    ) -> None:
        me: weakref.ref[RetiringPool] = weakref.ref(self)
        try:
            longest = lifetime.checked(max_lifetime)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        retirement = Retirement(longest, lambda seconds: _awake(seconds, me))

        async def enter(*where: Any, **how: Any) -> Any:  # noqa: ANN401 - asyncpg's
            conn = await connect(*where, **how)
            retirement.add(conn)
            return conn

        self._retirement = retirement
        super().__init__(*args, connect=enter, **options)

    def acquire(self, *, timeout: float | None = None) -> Any:  # noqa: ANN401 - asyncpg's own is private
        """Obtain a connection that works and is not due; see asyncpg."""
        return _Acquiring(self, timeout)

    async def take(self, timeout: float | None) -> Any:  # noqa: ANN401, ASYNC109 - asyncpg's
        """Wait for a connection that works and is not due."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            conn: Any = await super().acquire(timeout=left)
            inner = _inner(conn)
            if inner is not None:
                if not (self._retirement.is_due(inner) or _is_lost(inner)):
                    return conn
                conn.terminate()
            await self.release(conn)

    async def retire(self) -> None:
        """Replace the idle connections that are due."""
        taken: list[Any] = []
        try:
            while self.get_idle_size():
                taken.append(await self.take(ACQUIRE_LIMIT))
        except (OSError, PostgresError, InterfaceError) as error:
            logger.warning("idle connections that are due stay for now: %s", error)
        finally:
            for conn in taken:
                await self.release(conn)
        self._retirement.woken()


def _inner(conn: Any) -> Any:  # noqa: ANN401 - asyncpg's
    """Return the connection behind a pool's; `None` if the loop has just lost it."""
    return conn._con  # noqa: SLF001 - a stand-in passes all else on, and fails then


class _Acquiring:
    """What ``acquire`` returns: to be awaited, or entered."""

    __slots__ = ("_conn", "_pool", "_timeout")

    def __init__(self, pool: RetiringPool, timeout: float | None) -> None:
        self._pool, self._timeout = pool, timeout
        self._conn: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._pool.take(self._timeout).__await__()

    async def __aenter__(self) -> Any:  # noqa: ANN401 - asyncpg's
        self._conn = await self._pool.take(self._timeout)
        return self._conn

    async def __aexit__(self, *_: object) -> None:
        conn, self._conn = self._conn, None
        await self._pool.release(conn)


def _is_lost(conn: Any) -> bool:  # noqa: ANN401 - asyncpg's
    """Tell whether the server has hung up.

    The loop will tell asyncpg in its next turn, which is too late for the caller.
    """
    transport = conn._transport  # noqa: SLF001 - there is no other way to its socket
    return transport.is_closing() or is_hung_up(
        transport.get_extra_info("socket").fileno()
    )


def _awake(seconds: float, pool: weakref.ref[RetiringPool]) -> Timer:
    loop = asyncio.get_running_loop()

    def work() -> None:
        alive = pool()
        if alive is not None and not alive.is_closing():
            aio.start_soon(loop, alive.retire)

    return loop.call_later(seconds, work)

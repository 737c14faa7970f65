"""What the products' pools have in common: psycopg_pool's options, for type checkers.

And how they find out whether a connection class is one of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from moorline.drivers.psycopg import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import psycopg
    from psycopg_pool.abc import (
        AsyncConnectFailedCB,
        AsyncKwargsParam,
        ConnectFailedCB,
        KwargsParam,
    )

__all__ = ["AsyncPoolOptions", "PoolOptions", "require"]

CT = TypeVar("CT", bound="psycopg.Connection[Any]")
ACT = TypeVar("ACT", bound="psycopg.AsyncConnection[Any]")


class _Common(TypedDict, total=False):
    """What every pool takes; the meaning is psycopg_pool's.

    All but ``configure`` and ``max_lifetime``, which a product may need for itself.
    """

    min_size: int
    max_size: int | None
    open: bool | None
    name: str | None
    close_returns: bool
    timeout: float
    max_waiting: int
    max_idle: float
    reconnect_timeout: float
    num_workers: int


class PoolOptions(_Common, Generic[CT], total=False):
    """What blocking pools take besides."""

    kwargs: KwargsParam | None
    check: Callable[[CT], None] | None
    reset: Callable[[CT], None] | None
    reconnect_failed: ConnectFailedCB | None


class AsyncPoolOptions(_Common, Generic[ACT], total=False):
    """What asyncio's pools take besides."""

    kwargs: AsyncKwargsParam | None
    check: Callable[[ACT], Awaitable[None]] | None
    reset: Callable[[ACT], Awaitable[None]] | None
    reconnect_failed: AsyncConnectFailedCB | None


def require(connection_class: type[object], base: type[object], lack: str) -> None:
    """Verify that a pool's connections are a product's own.

    Args:
        connection_class: What the pool was given.
        base: The product's class; a class derived from it will do.
        lack: What connections of other classes do not do, for the message.

    Raises:
        ConfigError: The class is neither.
    """
    given = getattr(connection_class, "__origin__", connection_class)
    if not issubclass(given, base):
        raise ConfigError(
            f"connection_class={given.__module__}.{given.__qualname__}: {lack}; "
            f"derive it from {base.__module__}.{base.__qualname__}"
        )

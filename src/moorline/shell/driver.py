"""What a runner needs from a driver: the three steps that are a driver's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.core.steps import Connect, Fetch, Row

__all__ = ["AsyncDriver", "SyncDriver"]


class SyncDriver(Protocol):
    """Performs steps with blocking calls."""

    def connect(self, step: Connect, /) -> object:
        """Open a connection."""
        ...

    def fetch(self, step: Fetch, /) -> Sequence[Row]:
        """Run a query on a control connection."""
        ...

    def close(self, conn: object, /) -> None:
        """Close a connection at once, whatever its state; raise nothing."""
        ...


class AsyncDriver(Protocol):
    """Performs steps with awaitable calls."""

    async def connect(self, step: Connect, /) -> object:
        """Open a connection."""
        ...

    async def fetch(self, step: Fetch, /) -> Sequence[Row]:
        """Run a query on a control connection."""
        ...

    async def close(self, conn: object, /) -> None:
        """Close a connection at once, whatever its state; raise nothing."""
        ...

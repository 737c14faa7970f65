"""What a transaction needs from a driver: its steps, and what it knows by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from moorline.core.flow import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline import errors
    from moorline.dsql.transactions.outcome import State

__all__ = [
    "Acquire",
    "AsyncSession",
    "Begin",
    "Driver",
    "Release",
    "Run",
    "SyncSession",
]


@dataclass(frozen=True, slots=True)
class Acquire(Step[object]):
    """Take a connection: the pool's next, or the one that there is."""


@dataclass(frozen=True, slots=True)
class Begin(Step[None]):
    """Begin a transaction, whatever ``autocommit`` says."""

    conn: object


@dataclass(frozen=True, slots=True)
class Run(Step[str]):
    """Send a statement as text; its command tag comes back.

    Whoever is cancelled meanwhile is let go at once: nothing more is sent.

    Args:
        conn: The connection.
        sql: The statement.
        limit: Seconds that it may take; `None` for no limit.
    """

    conn: object
    sql: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Release(Step[None]):
    """Put the connection back as it was, and give it back to its pool."""

    conn: object


@dataclass(frozen=True, slots=True)
class Driver:
    """What is known of a driver's connections and errors without any I/O.

    Args:
        state: Tells what state a connection is in.
        close: Closes one at once, sending nothing that would be waited for.
        explain: Adds a note to an error of the function's, if one helps.
        unsent: Errors of a statement that the driver did not even send.
        exhausted: The driver's own `moorline.errors.OCCRetryExhausted`, and so on.
        unknown: The same.
        cancelled: `unknown` that is an ``asyncio.CancelledError`` too.
        interrupted: `unknown` that is a ``KeyboardInterrupt`` too.
        rolled_back: As above.
        ended: As above.
        nested: As above.
    """

    state: Callable[[object], State]
    close: Callable[[object], None]
    explain: Callable[[BaseException], None]
    unsent: tuple[type[Exception], ...]
    exhausted: type[errors.OCCRetryExhausted]
    unknown: type[errors.CommitOutcomeUnknown]
    cancelled: type[errors.CommitOutcomeUnknown]
    interrupted: type[errors.CommitOutcomeUnknown]
    rolled_back: type[errors.TransactionRolledBack]
    ended: type[errors.TransactionEnded]
    nested: type[errors.NestedTransaction]


class SyncSession(Protocol):
    """Performs the steps of one transaction with blocking calls."""

    blocking: Literal[True]
    driver: Driver
    pooled: bool

    def acquire(self) -> object:
        """Take a connection."""
        ...

    def begin(self, conn: object, /) -> None:
        """Begin a transaction."""
        ...

    def run(self, step: Run, /) -> str:
        """Send a statement and return its command tag."""
        ...

    def release(self, conn: object, /) -> None:
        """Give a connection back."""
        ...


class AsyncSession(Protocol):
    """Performs the steps of one transaction with awaitable calls."""

    blocking: Literal[False]
    driver: Driver
    pooled: bool

    async def acquire(self) -> object:
        """Take a connection."""
        ...

    async def begin(self, conn: object, /) -> None:
        """Begin a transaction."""
        ...

    async def run(self, step: Run, /) -> str:
        """Send a statement and return its command tag."""
        ...

    async def release(self, conn: object, /) -> None:
        """Give a connection back."""
        ...

"""Work that one caller does for all, and how a discovery, one such work, can end.

Its outcome is a value, so that threads and tasks that share it never share an
exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.attempt import Attempt

__all__ = [
    "Abandoned",
    "Discovery",
    "Flight",
    "Landed",
    "Outcome",
    "Refused",
    "Unreachable",
]


class Landed(NamedTuple):
    """The list of nodes was read, or the server has none to give."""


class Unreachable(NamedTuple):
    """No contact point and no known node answered."""

    attempts: tuple[Attempt, ...]


class Refused(NamedTuple):
    """A server answered, and refused the caller who led the flight."""

    error: Exception


class Abandoned(NamedTuple):
    """The caller who led the flight was cancelled."""


Outcome: TypeAlias = Landed | Unreachable | Refused | Abandoned
Discovery: TypeAlias = "Flight[Outcome]"


T = TypeVar("T")


class Flight(Protocol[T]):
    """What the shells wait for: the part of `concurrent.futures.Future` in use."""

    def done(self) -> bool:
        """Tell whether the outcome is there."""
        ...

    def set_result(self, result: T, /) -> None:
        """Give the outcome, once, and wake whoever waits."""
        ...

    def result(self, timeout: float | None = None) -> T:
        """Return the outcome; raise `TimeoutError` if it is not there in time."""
        ...

    def add_done_callback(self, fn: Callable[[Flight[T]], object], /) -> None:
        """Call `fn` when the outcome is there, in whatever thread gives it."""
        ...

"""The effects that flows may ask for. Each is one effect; none holds a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from moorline.core.flow import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.address import Address
    from moorline.core.flight import Flight
    from moorline.core.flow import Flow
    from moorline.core.secret import Secret

__all__ = ["Act", "Close", "Connect", "Fetch", "Now", "Row", "Sleep", "Start", "Wait"]

T = TypeVar("T")
Row: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Now(Step[float]):
    """Read the monotonic clock, in seconds."""


@dataclass(frozen=True, slots=True)
class Sleep(Step[None]):
    """Let time pass, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Connect(Step[object]):
    """Open a connection with the caller's own parameters.

    Args:
        address: Where to; `None` means as the caller's conninfo says.
        timeout: Seconds that it may take; `None` for no limit.
        control: A connection for a query of ours: autocommit, plain rows, none of
            the caller's factories.
        password: The password of this connect; `None`: as the caller's conninfo says.
    """

    address: Address | None
    timeout: float | None
    control: bool = False
    password: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class Fetch(Step[Sequence[Row]]):
    """Run a query on a control connection; the rows come as mappings by column name."""

    conn: object
    sql: str
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Close(Step[None]):
    """Close a connection that a flow opened and does not hand over."""

    conn: object


@dataclass(frozen=True, slots=True)
class Start(Step[None]):
    """Begin another flow in the background: a thread or a task."""

    flow: Flow[None]


@dataclass(frozen=True, slots=True)
class Act(Step[T], Generic[T]):
    """Call a function that may block: off the event loop, if there is one."""

    function: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Wait(Step[T], Generic[T]):
    """Wait for a flight to land; raise `TimeoutError` after `timeout` seconds."""

    flight: Flight[T]
    timeout: float | None

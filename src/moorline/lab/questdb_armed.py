"""What can go wrong at a front, as values, and which of it comes next."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Answer", "Armed", "Break", "Cut", "Delay", "Fault", "Moment", "Silence"]

Moment: TypeAlias = Literal["connection", "request", "stream"]
When: TypeAlias = Literal["before request", "in request", "in answer", "after answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the server's place."""

    status: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    def __str__(self) -> str:
        return f"answer {self.status}"


@dataclass(frozen=True, slots=True)
class Cut:
    """Reset the connection."""

    when: When

    def __str__(self) -> str:
        return f"cut {self.when}"


@dataclass(frozen=True, slots=True)
class Delay:
    """Hold the server's answer back."""

    seconds: float

    def __str__(self) -> str:
        return f"delay {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Silence:
    """Pass nothing on, and answer nothing until the client hangs up."""

    def __str__(self) -> str:
        return "silence"


@dataclass(frozen=True, slots=True)
class Break:
    """Reset the connection when so many bytes were passed on."""

    after: int

    def __str__(self) -> str:
        return f"cut after {self.after} bytes"


Fault: TypeAlias = Answer | Cut | Delay | Silence | Break


@dataclass(slots=True)
class _Pending:
    what: Fault
    left: int | None  # how many times still; None without end
    containing: str


class Armed:
    """Faults by the moment at which they happen; those armed first happen first.

    Thread-safe: tests arm them, and the front's loop takes them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._faults: defaultdict[Moment, list[_Pending]] = defaultdict(list)

    def add(
        self, moment: Moment, what: Fault, times: int | None, containing: str = ""
    ) -> None:
        """Arm a fault, for requests whose target contains a text."""
        if times is None or times > 0:
            with self._lock:
                self._faults[moment].append(_Pending(what, times, containing))

    def take(self, moment: Moment, text: str = "") -> Fault | None:
        """Return what is to happen now, None if nothing is."""
        with self._lock:
            waiting = self._faults[moment]
            for fault in waiting:
                if fault.containing in text:
                    if fault.left is not None:
                        fault.left -= 1
                        if not fault.left:
                            waiting.remove(fault)
                    return fault.what
        return None

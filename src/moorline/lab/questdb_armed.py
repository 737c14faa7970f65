"""What can go wrong at a front, as values, and which of it comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from moorline.lab import armed

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


class Armed(armed.Armed[Moment, Fault]):
    """The faults of a front of QuestDB."""

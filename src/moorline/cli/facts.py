"""Acts of a demonstration that are lists of facts, and the judgement on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Fact", "Outcome", "Report"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was promised, and what was found.

    Args:
        what: In words.
        found: What was found, as the server or the lab tells it.
        promised: What it should be; `None` if it is only told.
    """

    what: str
    found: object
    promised: object = None

    @property
    def ok(self) -> bool:
        """Whether it is as promised."""
        return self.promised is None or self.found == self.promised


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act.

    Args:
        name: For machines.
        code: What a program has to write.
        facts: What was found.
        seconds: How long it took.
    """

    name: str
    code: str
    facts: Sequence[Fact]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        return all(fact.ok for fact in self.facts)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "name": self.name,
            "code": self.code,
            "facts": [
                {"what": one.what, "found": one.found, "promised": one.promised}
                for one in self.facts
            ],
            "seconds": round(self.seconds, 4),
            "ok": self.ok,
        }


@dataclass
class Report:
    """The whole demonstration, as far as it came.

    Args:
        versions: Of what took part, by name.
        source: Where the server's binaries come from.
        outcomes: One for each act that was played.
        seconds: How long it all took, start and stop of the server included.

    Attributes:
        standin: What plays, and what it is not.
        titles: Of all acts, by name, in their order.
    """

    standin: ClassVar[str]
    titles: ClassVar[Mapping[str, str]]

    versions: Mapping[str, str]
    source: str
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every act was played and is as promised."""
        played = [outcome.name for outcome in self.outcomes]
        return played == list(self.titles) and all(one.ok for one in self.outcomes)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "standin": self.standin,
            "versions": dict(self.versions),
            "binaries": self.source,
            "acts": [outcome.as_json() for outcome in self.outcomes],
            "seconds": round(self.seconds, 4),
            "ok": self.ok,
        }

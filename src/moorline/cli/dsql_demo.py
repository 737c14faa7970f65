"""What the demonstration of Aurora DSQL promises, and the judgement on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["INCREMENTS", "STANDIN", "TITLES", "WORKERS", "Fact", "Outcome", "Report"]

STANDIN = (
    "A stand-in for Aurora DSQL: a real PostgreSQL server behind a front that ends TLS "
    "and verifies each token's signature, host, region, action and times. Two writers "
    "of a row conflict at the statement; DSQL tells the second one at COMMIT."
)
WORKERS = 16
INCREMENTS = 25
TITLES = {
    "token": "a token, from credentials that are fetched once",
    "login": "a login that is verified before the token is sent",
    "transactions": f"{WORKERS} workers, each with {INCREMENTS} increments of one row",
}


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


@dataclass(slots=True)
class Report:
    """The whole demonstration, as far as it came.

    Args:
        versions: Of what took part, by name.
        source: Where the server's binaries come from.
        outcomes: One for each act that was played.
        seconds: How long it all took, start and stop of the server included.
    """

    versions: Mapping[str, str]
    source: str
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every act was played and is as promised."""
        played = [outcome.name for outcome in self.outcomes]
        return played == list(TITLES) and all(one.ok for one in self.outcomes)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "standin": STANDIN,
            "versions": dict(self.versions),
            "binaries": self.source,
            "acts": [outcome.as_json() for outcome in self.outcomes],
            "seconds": round(self.seconds, 4),
            "ok": self.ok,
        }

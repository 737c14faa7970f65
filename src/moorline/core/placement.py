"""Placements and the keys that select them: ``cloud.region.zone[:priority]``.

Grammar of ``topology_keys``, after YugabyteDB's smart drivers::

    keys      = key *("," key)
    key       = pattern [":" priority]
    pattern   = cloud "." region "." zone     trailing parts may be "*"
    priority  = 1..10                         1, the highest, when absent
"""

from __future__ import annotations

from typing import NamedTuple

from moorline.errors import ConfigError

__all__ = ["Pattern", "Placement", "Tier", "TopologyKey", "parse_keys", "tiers_of"]

WILDCARD = "*"
PRIORITIES = range(1, 11)
GRAMMAR = (
    "write cloud.region.zone, optionally with a priority from 1 to 10, as in "
    "aws.us-east-1.us-east-1a:1,aws.us-east-1.*:2 (trailing parts may be *)"
)


class Placement(NamedTuple):
    """Where a node stands."""

    cloud: str
    region: str
    zone: str

    def __str__(self) -> str:
        return ".".join(self)


class Pattern(NamedTuple):
    """A placement whose trailing parts may be ``*``."""

    cloud: str
    region: str
    zone: str

    def matches(self, placement: Placement) -> bool:
        """Tell whether a node there is meant. Names are compared exactly."""
        return all(
            want in (WILDCARD, have) for want, have in zip(self, placement, strict=True)
        )

    def __str__(self) -> str:
        return ".".join(self)


class TopologyKey(NamedTuple):
    """One element of ``topology_keys``."""

    pattern: Pattern
    priority: int = 1


class Tier(NamedTuple):
    """The placements of one priority; without patterns, the whole cluster."""

    patterns: tuple[Pattern, ...] = ()
    priority: int | None = None

    def holds(self, placement: Placement) -> bool:
        """Tell whether a node there belongs to this tier."""
        return not self.patterns or any(p.matches(placement) for p in self.patterns)

    def __str__(self) -> str:
        if not self.patterns:
            return "any node"
        return f"priority {self.priority}: {', '.join(map(str, self.patterns))}"


def parse_keys(text: str) -> tuple[TopologyKey, ...]:
    """Parse the value of ``topology_keys``.

    Raises:
        ConfigError: An element is empty, is no placement, or has a bad priority; the
            message shows the element and the grammar.
    """
    return tuple(_parse_key(element, text) for element in text.split(","))


def _parse_key(element: str, text: str) -> TopologyKey:
    stripped = element.strip()
    if not stripped:
        raise _error("an element is empty", element, text)
    place, colon, number = stripped.partition(":")
    return TopologyKey(
        _parse_pattern(place, element, text),
        _parse_priority(number, element, text) if colon else 1,
    )


def _parse_pattern(place: str, element: str, text: str) -> Pattern:
    parts = place.split(".")
    if len(parts) != len(Pattern._fields):
        raise _error(f"{len(parts)} of 3 parts", element, text)
    if not all(parts):
        raise _error("a part is empty", element, text)
    wild = [WILDCARD in part for part in parts]
    if any(is_wild and part != WILDCARD for part, is_wild in zip(parts, wild)):  # noqa: B905 - made from parts
        raise _error("a * stands for a whole part", element, text)
    if wild != sorted(wild):
        raise _error("only trailing parts may be *", element, text)
    return Pattern(*parts)


def _parse_priority(number: str, element: str, text: str) -> int:
    # int() would accept "1_0", " 1" and other digits than ASCII's.
    if not (number.isascii() and number.isdigit()):
        raise _error(f"the priority {number!r} is no whole number", element, text)
    if len(number) > len("10") or int(number) not in PRIORITIES:
        raise _error(f"the priority {number} is not from 1 to 10", element, text)
    return int(number)


def _error(what: str, element: str, text: str) -> ConfigError:
    return ConfigError(f"topology_keys={text!r}: {what} in {element!r}; {GRAMMAR}")


def tiers_of(keys: tuple[TopologyKey, ...], *, strict: bool) -> tuple[Tier, ...]:
    """Arrange keys in tiers, highest priority first.

    Priorities need not be contiguous. Unless `strict`, the whole cluster is the last
    tier; without keys it is the only one.
    """
    tiers = tuple(
        Tier(tuple(dict.fromkeys(k.pattern for k in keys if k.priority == p)), p)
        for p in sorted({key.priority for key in keys})
    )
    return tiers if strict and keys else (*tiers, Tier())

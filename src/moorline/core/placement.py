"""Placements and the keys that select them: ``cloud.region.zone[:priority]``.

Grammar of ``topology_keys``, after YugabyteDB's smart drivers::

    keys      = key *("," key)
    key       = pattern [":" priority]
    pattern   = cloud "." region "." zone     trailing parts may be "*"
    priority  = 1..10                         1, the highest, when absent
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from moorline.core.topology import Node

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
    """Nodes that are equally good: of one priority, and of one role.

    Args:
        patterns: Where they stand; anywhere if there are none.
        priority: That of the patterns.
        role: What they are; "" for whatever they are.
    """

    patterns: tuple[Pattern, ...] = ()
    priority: int | None = None
    role: str = ""

    def covers(self, placement: Placement) -> bool:
        """Tell whether a node there stands where this tier is."""
        return not self.patterns or any(p.matches(placement) for p in self.patterns)

    def holds(self, node: Node) -> bool:
        """Tell whether a node belongs to this tier."""
        return self.role in ("", node.role) and self.covers(node.placement)

    def __str__(self) -> str:
        if not self.patterns:
            return f"any {self.role or 'node'}"
        places = ", ".join(map(str, self.patterns))
        role = f", {self.role} only" if self.role else ""
        return f"priority {self.priority}: {places}{role}"


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


def tiers_of(
    keys: tuple[TopologyKey, ...], *, strict: bool, roles: tuple[str, ...] = ("",)
) -> tuple[Tier, ...]:
    """Arrange keys and roles in tiers, in the order in which they are tried.

    Placement is exhausted before the role is given up: first the keys, highest
    priority first (they need not be contiguous), for the first role; then each role
    anywhere in the cluster.

    Args:
        keys: The placements asked for; none means anywhere.
        strict: Leave out what is outside of the keys. Who names a second role has
            said where else to go, so then it has no effect.
        roles: The roles to take, best first; "" for any.
    """
    tiers = tuple(
        Tier(
            tuple(dict.fromkeys(k.pattern for k in keys if k.priority == p)),
            p,
            roles[0],
        )
        for p in sorted({key.priority for key in keys})
    )
    if keys and strict and len(roles) == 1:
        return tiers
    return (*tiers, *(Tier(role=role) for role in roles))

"""Which nodes may take the next connection, and why the others may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.core import events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from moorline.core.address import Address
    from moorline.core.placement import Tier
    from moorline.core.topology import Mark, Node, Topology

__all__ = ["Ranks", "Standing", "candidates", "hint", "rank", "survey"]

Ranks = tuple[tuple["Node", ...], ...]


def rank(topology: Topology, tiers: Sequence[Tier]) -> Ranks:
    """Put each node into the first tier that holds it: one tuple of nodes per tier.

    Nodes that are drained are in none.
    """
    rows: list[list[Node]] = [[] for _ in tiers]
    for node in topology.nodes:
        if node.address in topology.drained:
            continue
        for row, tier in zip(rows, tiers, strict=True):
            if tier.holds(node):
                row.append(node)
                break
    return tuple(tuple(row) for row in rows)


def candidates(
    ranks: Ranks,
    marks: Mapping[Address, Mark],
    tried: Collection[Address | None],
    now: float,
) -> tuple[int, Sequence[Node]]:
    """Return the tier that is next, by index, and its nodes that may be picked.

    The first tier with a node that was not tried and is not left alone. When there
    is none, the node among those left alone that failed longest ago: a guess beats
    an error. No nodes at all mean that nothing is left to try.
    """
    if not marks and not tried:
        for index, row in enumerate(ranks):
            if row:
                return index, row
        return 0, ()
    resort: list[tuple[float, int, Node]] = []
    for index, row in enumerate(ranks):
        free: list[Node] = []
        for node in row:
            if node.address in tried:
                continue
            mark = marks.get(node.address)
            if mark is None or now >= mark.until:
                free.append(node)
            else:
                resort.append((mark.since, index, node))
        if free:
            return index, free
    if not resort:
        return 0, ()
    _, index, node = min(resort, key=lambda entry: entry[:2])
    return index, (node,)


class Standing(NamedTuple):
    """How one node stands for the next connection.

    Args:
        node: The node.
        tier: The tier that holds it; `None` if none does.
        load: Its connections from this process.
        health: In a few words.
        excluded: Why it is no candidate; "" if it is one.
    """

    node: Node
    tier: Tier | None
    load: int
    health: str
    excluded: str


def survey(
    topology: Topology,
    tiers: Sequence[Tier],
    loads: Mapping[Address, int],
    now: float,
) -> tuple[Standing, ...]:
    """Say for every node how it stands, in order of tier, then as listed."""
    ranks = rank(topology, tiers)
    chosen, open_nodes = candidates(ranks, topology.marks, (), now)
    picked = {node.address for node in open_nodes}
    held = {n.address: index for index, row in enumerate(ranks) for n in row}

    def standing(node: Node) -> Standing:
        index = held.get(node.address)
        health = topology.health(node.address, now)
        if node.address in topology.drained:
            why = "drained"
        elif index is None and any(tier.covers(node.placement) for tier in tiers):
            why = f"is {node.role}, which load_balance does not ask for"
        elif index is None:
            why = "outside topology_keys, and fallback_to_topology_keys_only is on"
        elif node.address in picked:
            why = ""
        elif index > chosen:
            why = f"{tiers[chosen]} comes first"
        else:
            why = "left alone after a failure"
        tier = None if index is None else tiers[index]
        return Standing(node, tier, loads.get(node.address, 0), health, why)

    def order(node: Node) -> int:
        return held.get(node.address, len(tiers))

    return tuple(standing(node) for node in sorted(topology.nodes, key=order))


def hint(topology: Topology, tiers: Sequence[Tier]) -> str:
    """Say what looks wrong: patterns that match no node, nodes out of reach."""
    from difflib import get_close_matches  # noqa: PLC0415 - for people, not for connects

    places = sorted({str(node.placement) for node in topology.nodes})
    lines = [] if topology.routable else [str(events.Unroutable())]
    for pattern in (pattern for tier in tiers for pattern in tier.patterns):
        if any(pattern.matches(node.placement) for node in topology.nodes):
            continue
        near = get_close_matches(str(pattern), places, n=1)
        what = f"did you mean {near[0]}?" if near else f"there are {', '.join(places)}"
        lines.append(f"topology_keys: {pattern} matches no node; {what}")
    return "\n".join(lines)

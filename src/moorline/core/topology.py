"""The cluster as last described: immutable, replaced when a fact arrives.

Readers take the current `Topology` without a lock. A fact is a frozen event;
`reduce` makes the next topology from the last one. Loads are not part of it: they
change with every connection and live in `moorline.core.load`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from moorline.core import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorline.core.address import Address
    from moorline.core.placement import Placement

__all__ = ["Mark", "Node", "Topology", "claimed", "diff", "reduce"]

T = TypeVar("T")


class Node(NamedTuple):
    """A node as the cluster lists it."""

    address: Address
    placement: Placement
    role: str = "primary"
    public_host: str = ""
    uuid: str = ""

    def __str__(self) -> str:
        return f"{self.address} ({self.placement})"


class Mark(NamedTuple):
    """Why a node is left alone for a while.

    Args:
        since: When it failed, on the monotonic clock.
        until: From when on it may be tried again.
        reason: What happened, in one line.
        pause: For how many seconds it is left alone each time.
    """

    since: float
    until: float
    reason: str
    pause: float = 0.0


class Topology(NamedTuple):
    """A frozen description of a cluster.

    Args:
        nodes: As listed, in that order.
        marks: The nodes that failed lately and did not serve since.
        ways: Where nodes were reached that have more than one address.
        drained: The nodes that are to get no new connections.
        universe: The cluster's ``universe_uuid``, or "" from older servers.
        listed_at: When the nodes were listed; `None` before the first time.
        smart: Whether the server has ``yb_servers()`` at all.
        routable: Whether nodes can be reached; if not, a contact point stands for all.
    """

    nodes: tuple[Node, ...] = ()
    marks: Mapping[Address, Mark] = MappingProxyType({})
    ways: Mapping[Address, Address] = MappingProxyType({})
    drained: frozenset[Address] = frozenset()
    universe: str = ""
    listed_at: float | None = None
    smart: bool = True
    routable: bool = True

    def health(self, address: Address, now: float) -> str:
        """Describe a node's health in a few words."""
        mark = self.marks.get(address)
        way = self.ways.get(address, address)
        if mark is None:
            health = "up" if way == address else f"up, reached at {way.where}"
        else:
            again = "" if now < mark.until else "to be tried again, "
            health = f"{again}failed {now - mark.since:.1f} s ago"
        return f"drained, {health}" if address in self.drained else health


def reduce(topology: Topology, event: events.Event) -> Topology:
    """Return the topology in which `event` has happened."""
    match event:
        case events.Listed(universe, at, order):
            nodes = _ordered(topology.nodes, order)
            return topology._replace(
                nodes=nodes, universe=universe, listed_at=at, smart=True
            )
        case events.NotSmart(at):
            return Topology(listed_at=at, smart=False, drained=topology.drained)
        case events.Unroutable():
            return topology._replace(routable=False)
        case _:
            return _with_node(topology, event)


def _with_node(topology: Topology, event: events.NodeEvent) -> Topology:
    match event:
        case events.NodeListed(node):
            return topology._replace(nodes=_with(topology.nodes, node))
        case events.NodeGone(node):
            kept = tuple(n for n in topology.nodes if n.address != node.address)
            ways = _without(topology.ways, node.address)
            return _unmarked(topology._replace(nodes=kept, ways=ways), node.address)
        case events.NodeFailed(address, since, until, reason):
            mark = Mark(since, until, reason, until - since)
            return _marked(topology, address, mark)
        case events.NodeServed(address):
            if not topology.routable:
                topology = topology._replace(routable=True)
            return _unmarked(topology, address)
        case events.NodeReached(address, way):
            ways = MappingProxyType({**topology.ways, address: way})
            return topology._replace(ways=ways, routable=True)
        case events.NodeDrained(address, drained):
            others = topology.drained - {address}
            return topology._replace(drained=others | {address} if drained else others)


def _with(nodes: tuple[Node, ...], node: Node) -> tuple[Node, ...]:
    if all(known.address != node.address for known in nodes):
        return (*nodes, node)
    return tuple(node if n.address == node.address else n for n in nodes)


def _ordered(nodes: tuple[Node, ...], order: tuple[Address, ...]) -> tuple[Node, ...]:
    rank = {address: index for index, address in enumerate(order)}
    return tuple(sorted(nodes, key=lambda node: rank.get(node.address, len(rank))))


def _marked(topology: Topology, address: Address, mark: Mark) -> Topology:
    if all(node.address != address for node in topology.nodes):
        return topology  # listed no more, while it was tried
    marks = MappingProxyType({**topology.marks, address: mark})
    return topology._replace(marks=marks)


def claimed(topology: Topology, address: Address, now: float) -> Topology:
    """Return the topology in which others leave a node alone while it is tried again.

    For as long as after its last failure, or until it serves or fails.
    """
    mark = topology.marks[address]
    again = mark._replace(until=now + mark.pause)
    marks = MappingProxyType({**topology.marks, address: again})
    return topology._replace(marks=marks)


def _unmarked(topology: Topology, address: Address) -> Topology:
    if address not in topology.marks:
        return topology
    return topology._replace(marks=_without(topology.marks, address))


def _without(mapping: Mapping[Address, T], address: Address) -> Mapping[Address, T]:
    return MappingProxyType({a: one for a, one in mapping.items() if a != address})


def diff(
    topology: Topology, nodes: tuple[Node, ...], universe: str, at: float
) -> tuple[events.Event, ...]:
    """Return the events that lead from `topology` to a fresh listing of `nodes`."""
    known = {node.address: node for node in topology.nodes}
    listed = {node.address: node for node in nodes}
    gone = [events.NodeGone(n) for a, n in known.items() if a not in listed]
    new = [events.NodeListed(n) for a, n in listed.items() if known.get(a) != n]
    return (*gone, *new, events.Listed(universe, at, tuple(listed)))

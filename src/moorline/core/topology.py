"""The cluster as last described: immutable, replaced when a fact arrives.

Readers take the current `Topology` without a lock. A fact is a frozen event;
`reduce` makes the next topology from the last one. Loads are not part of it: they
change with every connection and live in `moorline.core.load`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from moorline.core import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorline.core.placement import Placement

__all__ = ["Address", "Mark", "Node", "Topology", "diff", "reduce"]


class Address(NamedTuple):
    """Host and port, as listed or as written: the identity of a node.

    Args:
        host: Name or address; a directory or "" mean a local socket, as in libpq.
        port: The port.
        hostaddr: The address to dial, if the conninfo gives one beside the name.
    """

    host: str
    port: int
    hostaddr: str = ""

    def __str__(self) -> str:
        host = self.host or self.hostaddr or "local socket"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


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
    """

    since: float
    until: float
    reason: str


class Topology(NamedTuple):
    """A frozen description of a cluster.

    Args:
        nodes: As listed, in that order.
        marks: The nodes that failed lately and did not serve since.
        universe: The cluster's ``universe_uuid``, or "" from older servers.
        listed_at: When the nodes were listed; `None` before the first time.
        smart: Whether the server has ``yb_servers()`` at all.
    """

    nodes: tuple[Node, ...] = ()
    marks: Mapping[Address, Mark] = MappingProxyType({})
    universe: str = ""
    listed_at: float | None = None
    smart: bool = True

    def health(self, address: Address, now: float) -> str:
        """Describe a node's health in a few words."""
        mark = self.marks.get(address)
        if mark is None:
            return "up"
        if now < mark.until:
            return f"failed {now - mark.since:.1f} s ago"
        return f"to be tried again, failed {now - mark.since:.1f} s ago"


def reduce(topology: Topology, event: events.Event) -> Topology:
    """Return the topology in which `event` has happened."""
    match event:
        case events.NodeListed(node):
            return topology._replace(nodes=_with(topology.nodes, node))
        case events.NodeGone(node):
            kept = tuple(n for n in topology.nodes if n.address != node.address)
            return _unmarked(topology._replace(nodes=kept), node.address)
        case events.NodeFailed(address, since, until, reason):
            return _marked(topology, address, Mark(since, until, reason))
        case events.NodeServed(address):
            return _unmarked(topology, address)
        case events.Listed(universe, at, order):
            nodes = _ordered(topology.nodes, order)
            return topology._replace(
                nodes=nodes, universe=universe, listed_at=at, smart=True
            )
        case events.NotSmart(at):
            return Topology(listed_at=at, smart=False)


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


def _unmarked(topology: Topology, address: Address) -> Topology:
    if address not in topology.marks:
        return topology
    marks = {a: mark for a, mark in topology.marks.items() if a != address}
    return topology._replace(marks=MappingProxyType(marks))


def diff(
    topology: Topology, nodes: tuple[Node, ...], universe: str, at: float
) -> tuple[events.Event, ...]:
    """Return the events that lead from `topology` to a fresh listing of `nodes`."""
    known = {node.address: node for node in topology.nodes}
    listed = {node.address: node for node in nodes}
    gone = [events.NodeGone(n) for a, n in known.items() if a not in listed]
    new = [events.NodeListed(n) for a, n in listed.items() if known.get(a) != n]
    return (*gone, *new, events.Listed(universe, at, tuple(listed)))

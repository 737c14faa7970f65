"""Facts about a cluster, as frozen values.

The same events change the topology and feed logs, metrics and the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from moorline.core.address import Address
    from moorline.core.topology import Node

__all__ = [
    "Event",
    "Listed",
    "NodeDrained",
    "NodeEvent",
    "NodeFailed",
    "NodeGone",
    "NodeListed",
    "NodeReached",
    "NodeServed",
    "NotSmart",
    "RefreshFailed",
    "Unroutable",
]


@dataclass(frozen=True, slots=True)
class NodeListed:
    """A node was added, or its placement, role or addresses changed."""

    node: Node

    def __str__(self) -> str:
        return f"node {self.node} listed as {self.node.role}"


@dataclass(frozen=True, slots=True)
class NodeGone:
    """A node is listed no more."""

    node: Node

    def __str__(self) -> str:
        return f"node {self.node} listed no more"


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """A node could not serve; it is left alone until `until`."""

    address: Address
    since: float
    until: float
    reason: str

    def __str__(self) -> str:
        pause = self.until - self.since
        return f"node {self.address} left alone for {pause:g} s: {self.reason}"


@dataclass(frozen=True, slots=True)
class NodeServed:
    """A node that had failed gave a connection."""

    address: Address

    def __str__(self) -> str:
        return f"node {self.address} serves again"


@dataclass(frozen=True, slots=True)
class NodeReached:
    """A node answered at this address, which may not be the one that is listed."""

    address: Address
    way: Address

    def __str__(self) -> str:
        return f"node {self.address} reached at {self.way}"


@dataclass(frozen=True, slots=True)
class NodeDrained:
    """A node gets no new connections from this process, or does so again."""

    address: Address
    drained: bool = True

    def __str__(self) -> str:
        how = "drained" if self.drained else "in use again"
        return f"node {self.address} {how}"


@dataclass(frozen=True, slots=True)
class Unroutable:
    """No node can be reached, and a contact point that is no node can."""

    def __str__(self) -> str:
        return (
            "no node can be reached at the addresses that yb_servers() lists: "
            "connections go through the contact point, which chooses the node; "
            "address_map says where nodes are to be dialled"
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """The list of nodes was read; they came in this order."""

    universe: str
    at: float
    order: tuple[Address, ...] = ()

    def __str__(self) -> str:
        return f"{len(self.order)} nodes listed, universe {self.universe or 'unnamed'}"


@dataclass(frozen=True, slots=True)
class NotSmart:
    """The server cannot list nodes: it is not a YugabyteDB."""

    at: float

    def __str__(self) -> str:
        return (
            "the server has no yb_servers(), so it is not a YugabyteDB: "
            "connections go to the contact points as plain ones"
        )


NodeEvent: TypeAlias = (
    NodeListed | NodeGone | NodeFailed | NodeServed | NodeReached | NodeDrained
)
Event: TypeAlias = NodeEvent | Unroutable | Listed | NotSmart


@dataclass(frozen=True, slots=True)
class RefreshFailed:
    """The list of nodes could not be read; the last one, if any, stays in use.

    It says nothing about the cluster, so it is no `Event` of the topology.
    """

    reason: str

    def __str__(self) -> str:
        return f"the list of nodes could not be read: {self.reason}"

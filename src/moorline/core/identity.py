"""Which cluster a list of nodes belongs to.

Servers name their universe since YugabyteDB 2.25.2, 2024.2.3 and 2024.1.6. Older ones
name each node since 2022, and before that only its address. So clusters are told apart
by the best that both sides have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.core.topology import Node, Topology

__all__ = ["is_other", "is_same"]


def is_same(topology: Topology, universe: str, nodes: Sequence[Node]) -> bool:
    """Tell whether a list of nodes, read elsewhere, is one of a known cluster."""
    if topology.universe and universe:
        return topology.universe == universe
    known = {node.uuid for node in topology.nodes if node.uuid}
    listed = {node.uuid for node in nodes if node.uuid}
    if known and listed:
        return not known.isdisjoint(listed)
    if topology.universe or universe:
        return False
    addresses = {node.address for node in topology.nodes}
    return any(node.address in addresses for node in nodes)


def is_other(topology: Topology, universe: str) -> bool:
    """Tell whether a server that should be of a cluster is of another one."""
    return bool(topology.universe and universe) and topology.universe != universe

from __future__ import annotations

import pytest

from moorline.core.identity import is_other, is_same
from moorline.core.topology import Topology
from tests.core.scripted import nodes_at

NODES = nodes_at("c.r.a", "c.r.b", "c.r.c")
OTHERS = tuple(
    n._replace(address=n.address._replace(host=f"x{n.address.host}")) for n in NODES
)


def named(nodes, prefix):
    return tuple(node._replace(uuid=f"{prefix}{node.address}") for node in nodes)


@pytest.mark.parametrize(
    ("known", "universe", "nodes", "same"),
    [
        # Whoever names a universe is believed, whatever the addresses.
        (Topology(NODES, universe="u"), "u", OTHERS, True),
        (Topology(NODES, universe="u"), "v", NODES, False),
        # Else the names of the nodes, if both sides have them.
        (Topology(named(NODES, "a")), "", named(OTHERS, "b"), False),
        (Topology(named(NODES, "a")), "", named(NODES, "b"), False),
        (Topology(named(NODES, "a")), "", named(NODES[:1], "a"), True),
        (Topology(named(NODES, "a"), universe="u"), "", named(NODES, "a"), True),
        # Else the addresses, if neither side has anything better.
        (Topology(NODES), "", NODES[2:], True),
        (Topology(NODES), "", OTHERS, False),
        (Topology(NODES, universe="u"), "", NODES, False),
        (Topology(NODES), "u", NODES, False),
        (Topology(named(NODES, "a")), "", NODES, True),
        # What knows no nodes is nobody.
        (Topology(), "", NODES, False),
        (Topology(), "u", NODES, False),
    ],
)
def test_which_cluster_a_list_is_of(known, universe, nodes, same):
    assert is_same(known, universe, nodes) is same


@pytest.mark.parametrize(
    ("known", "universe", "other"),
    [("u", "v", True), ("u", "u", False), ("u", "", False), ("", "u", False)],
)
def test_a_server_is_of_another_cluster_if_it_says_so(known, universe, other):
    assert is_other(Topology(NODES, universe=known), universe) is other

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from moorline.core.placement import Tier, parse_keys, tiers_of
from moorline.core.plan import survey
from moorline.core.topology import Mark, Topology
from moorline.yugabyte.view import ClusterTopology, Explanation, NodeView, table
from tests.core.scripted import nodes_at

NODES = nodes_at("c.r.a", "c.r.bb", "c.s.a")
N1, N2, N3 = (node.address for node in NODES)
TOPOLOGY = Topology(nodes=NODES, marks={N2: Mark(7.5, 12.5, "refused")})
TIERS = tiers_of(parse_keys("c.r.*"), strict=True)
VIEWS = tuple(map(NodeView.of, survey(TOPOLOGY, TIERS, {N1: 12}, 10.0)))


def test_a_view_holds_plain_values():
    outside = "outside topology_keys, and fallback_to_topology_keys_only is on"
    tier = "priority 1: c.r.*"
    assert (
        NodeView("n1", 5433, "c.r.a", "primary", 12, "up", tier, ""),
        NodeView(
            "n2", 5433, "c.r.bb", "primary", 0, "failed 2.5 s ago", tier,
            "left alone after a failure",
        ),
        NodeView("n3", 5433, "c.s.a", "primary", 0, "up", "", outside),
    ) == VIEWS  # fmt: skip


def test_the_whole_cluster_is_a_tier_with_a_name():
    [view] = map(NodeView.of, survey(Topology(nodes=NODES[:1]), (Tier(),), {}, 10.0))
    assert view.tier == "any node"


def test_views_are_frozen():
    with pytest.raises(FrozenInstanceError):
        VIEWS[0].load = 0


def test_candidates_are_the_nodes_that_are_not_excluded():
    assert Explanation(VIEWS, "", "", "").candidates == VIEWS[:1]


def test_a_topology_is_shown_as_a_table():
    assert str(ClusterTopology(VIEWS, "u", 2.34)) == (
        "node     placement  role     load  health\n"
        "n1:5433  c.r.a      primary  12    up\n"
        "n2:5433  c.r.bb     primary  0     failed 2.5 s ago\n"
        "n3:5433  c.s.a      primary  0     up\n"
        "listed 2.3 s ago"
    )


def test_an_explanation_is_shown_with_its_reasons():
    text = str(
        Explanation(VIEWS, "load_balance=true", "least-loaded", "topology_keys: hm")
    )
    first, header, n1, n2, n3, last = text.splitlines()
    assert first == "decided by load_balance=true; among candidates: least-loaded"
    assert header.split() == [
        "node",
        "placement",
        "tier",
        "load",
        "health",
        "next",
        "connection",
    ]
    assert n1.endswith("  candidate")
    assert n2.endswith("  no: left alone after a failure")
    assert "  -  " in n3
    assert last == "topology_keys: hm"
    assert (
        n1.index("candidate")
        == n2.index("no: ")
        == n3.index("no: ")
        == header.index("next")
    )


def test_an_explanation_without_a_hint_ends_with_its_table():
    text = str(Explanation(VIEWS[:1], "load_balance=true", "uniform", ""))
    assert text.splitlines()[-1].startswith("n1:5433")


@pytest.mark.parametrize("nodes", [(), VIEWS])
def test_no_line_ends_with_spaces(nodes):
    for view in (ClusterTopology(nodes, "", 0.0), Explanation(nodes, "x", "y", "")):
        assert all(line == line.rstrip() for line in str(view).splitlines())


def test_a_table_has_columns_as_wide_as_their_widest_text():
    assert (
        table(("a", "bbb"), [("long", "x"), ("", "y")]) == "a     bbb\nlong  x\n      y"
    )

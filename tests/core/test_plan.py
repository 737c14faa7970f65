from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.placement import Tier, parse_keys, tiers_of
from moorline.core.plan import candidates, hint, rank, survey
from moorline.core.topology import Mark, Topology
from tests.core.scripted import nodes_at

KEYS = [
    "",
    "c.r.a",
    "c.r.a:2",
    "c.r.a:1,c.r.b:3",
    "c.r.*:1,c.r.a:2",
    "c.s.*:1,c.*.*:2",
    "x.y.z",
]
NODES = nodes_at("c.r.a", "c.r.a", "c.r.b", "c.s.a", "c.s.b")
PLACES = "c.r.a, c.r.b, c.s.a, c.s.b"
BY_NAME = {node.address.host: node for node in NODES}
TIERS = tiers_of(parse_keys("c.r.a:1,c.r.b:2"), strict=False)
SURE = tiers_of(parse_keys("c.r.a:1,c.r.b:2"), strict=True)

tiers = st.builds(
    lambda keys, strict: tiers_of(parse_keys(keys) if keys else (), strict=strict),
    st.sampled_from(KEYS),
    st.booleans(),
)
node_tuples = st.lists(st.sampled_from(NODES), unique=True).map(tuple)
marks_of = st.builds(Mark, st.floats(0, 100), st.floats(0, 100), st.just("refused"))
marks = st.dictionaries(st.sampled_from([node.address for node in NODES]), marks_of)
addresses = st.sets(st.sampled_from([node.address for node in NODES]))


def marked(**until):
    """Return marks by node; each failed when its pause, 5 s, began."""
    return {
        BY_NAME[n].address: Mark(end - 5, end, "refused") for n, end in until.items()
    }


def names(nodes):
    return [node.address.host for node in nodes]


@pytest.mark.parametrize(
    ("keys", "strict", "rows"),
    [
        ("", False, [["n1", "n2", "n3", "n4", "n5"]]),
        ("c.r.a:1,c.s.*:2", False, [["n1", "n2"], ["n4", "n5"], ["n3"]]),
        ("c.r.a:1,c.s.*:2", True, [["n1", "n2"], ["n4", "n5"]]),
        ("c.r.*:1,c.r.a:2", True, [["n1", "n2", "n3"], []]),
        ("x.y.z", False, [[], ["n1", "n2", "n3", "n4", "n5"]]),
    ],
)
def test_a_node_ranks_in_the_first_tier_that_holds_it(keys, strict, rows):
    tiers = tiers_of(parse_keys(keys) if keys else (), strict=strict)
    assert [names(row) for row in rank(Topology(NODES), tiers)] == rows


@pytest.mark.parametrize(
    ("tiers", "marks", "tried", "chosen", "expected"),
    [
        (TIERS, {}, "", 0, ["n1", "n2"]),
        (TIERS, marked(n1=12), "", 0, ["n2"]),
        (TIERS, marked(n1=10), "", 0, ["n1", "n2"]),  # its pause is over now
        (TIERS, marked(n1=12, n2=12), "", 1, ["n3"]),
        (TIERS, {}, "n1 n2", 1, ["n3"]),
        (TIERS, marked(n1=12), "n2", 1, ["n3"]),
        (TIERS, {}, "n1 n2 n3", 2, ["n4", "n5"]),
        # Last resort: whoever failed longest ago.
        (TIERS, marked(n1=13, n2=12, n3=14, n4=15, n5=11), "", 2, ["n5"]),
        (TIERS, marked(n1=13, n2=12, n3=14), "n4 n5", 0, ["n2"]),
        (
            TIERS,
            marked(n1=12, n3=12),
            "n2 n4 n5",
            0,
            ["n1"],
        ),  # at once: the better tier
        (SURE, marked(n1=13, n2=12, n3=11), "", 1, ["n3"]),
        (SURE, {}, "n1 n2 n3", 0, []),
        (TIERS, {}, "n1 n2 n3 n4 n5", 0, []),
        (TIERS, marked(n1=12), "n1 n2 n3 n4 n5", 0, []),
    ],
)
def test_candidates(tiers, marks, tried, chosen, expected):
    tried = {BY_NAME[name].address for name in tried.split()}
    index, nodes = candidates(rank(Topology(NODES), tiers), marks, tried, now=10.0)
    assert (index, names(nodes)) == (chosen, expected)


def test_there_are_no_candidates_without_nodes():
    assert candidates(rank(Topology(), TIERS), {}, (), 10.0) == (0, ())


@given(node_tuples, tiers, marks, addresses, st.floats(0, 100))
def test_whoever_may_be_tried_is_tried_before_there_is_an_error(
    nodes, tiers, marks, tried, now
):
    ranks = rank(Topology(nodes), tiers)
    eligible = {n.address for row in ranks for n in row} - tried
    index, found = candidates(ranks, marks, tried, now)
    assert bool(found) == bool(eligible)
    assert {n.address for n in found} <= eligible & {n.address for n in ranks[index]}


@given(node_tuples, tiers, marks, st.floats(0, 100), st.data())
def test_a_survey_covers_every_node_once_and_agrees_with_the_candidates(
    nodes, tiers, marks, now, data
):
    listed = {node.address for node in nodes}
    marks = {address: mark for address, mark in marks.items() if address in listed}
    topology = Topology(nodes=nodes, marks=marks)
    loads = Counter(
        data.draw(st.lists(st.sampled_from(sorted(listed)))) if listed else ()
    )
    standings = survey(topology, tiers, loads, now)
    assert Counter(one.node for one in standings) == Counter(nodes)
    _, open_nodes = candidates(rank(Topology(nodes), tiers), marks, (), now)
    assert [one.node for one in standings if not one.excluded] == list(open_nodes)
    for one in standings:
        assert one.load == loads[one.node.address]
        assert one.health == topology.health(one.node.address, now)
        held = [tier for tier in tiers if tier.holds(one.node)]
        assert one.tier == (held[0] if held else None)


def test_a_survey_says_why():
    topology = Topology(nodes=NODES, marks=marked(n1=12))
    tiers = tiers_of(parse_keys("c.r.a:1,c.r.b:2"), strict=True)
    said = {
        one.node.address.host: one.excluded for one in survey(topology, tiers, {}, 10.0)
    }
    outside = "outside topology_keys, and fallback_to_topology_keys_only is on"
    assert said == {
        "n1": "left alone after a failure",
        "n2": "",
        "n3": "priority 1: c.r.a comes first",
        "n4": outside,
        "n5": outside,
    }


def test_a_survey_is_in_order_of_tier_then_as_listed():
    topology = Topology(nodes=NODES[::-1])
    order = names(one.node for one in survey(topology, TIERS, {}, 10.0))
    assert order == ["n2", "n1", "n3", "n5", "n4"]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("c.r.a", ""),
        ("c.*.*,c.s.b:2", ""),
        ("c.r.aa", "topology_keys: c.r.aa matches no node; did you mean c.r.a?"),
        (
            "x.y.z",
            f"topology_keys: x.y.z matches no node; there are {PLACES}",
        ),
        (
            "c.r.a,C.S.b:2,c.s.bb:3",
            (
                "topology_keys: C.S.b matches no node; did you mean c.s.b?\n"
                "topology_keys: c.s.bb matches no node; did you mean c.s.b?"
            ),
        ),
    ],
)
def test_a_hint_names_patterns_that_match_nothing(keys, text):
    tiers = tiers_of(parse_keys(keys), strict=False)
    assert hint(Topology(nodes=NODES), tiers) == text


def test_there_is_no_hint_without_keys():
    assert hint(Topology(nodes=NODES), (Tier(),)) == ""


def test_a_drained_node_is_in_no_tier_and_says_why():
    topology = Topology(NODES, drained=frozenset({NODES[0].address}))
    assert all(NODES[0] not in row for row in rank(topology, TIERS))
    standings = survey(topology, TIERS, {}, 0.0)
    assert standings[-1].node is NODES[0]
    assert standings[-1].excluded == "drained"


def test_nodes_out_of_reach_are_hinted_at():
    assert "address_map" in hint(Topology(NODES, routable=False), (Tier(),))
    assert hint(Topology(NODES), (Tier(),)) == ""

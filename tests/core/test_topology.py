from __future__ import annotations

from functools import reduce as fold

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.address import Address
from moorline.core.events import (
    Listed,
    NodeDrained,
    NodeFailed,
    NodeGone,
    NodeListed,
    NodeReached,
    NodeServed,
    NotSmart,
    Unroutable,
)
from moorline.core.placement import Placement
from moorline.core.topology import Mark, Node, Topology, diff, reduce
from tests.core.scripted import nodes_at

N1, N2, N3 = nodes_at("c.r.a", "c.r.b", "c.r.c")
addresses = st.builds(Address, st.sampled_from("abcd"), st.just(5433), st.just(""))
nodes = st.builds(
    Node,
    addresses,
    st.builds(Placement, st.just("c"), st.sampled_from("rs"), st.sampled_from("xyz")),
    role=st.sampled_from(["primary", "replica"]),
    public_host=st.sampled_from(["", "p"]),
)
listings = st.lists(nodes, max_size=4, unique_by=lambda node: node.address).map(tuple)
times = st.floats(0, 1000)
facts = st.one_of(
    st.builds(NodeListed, nodes),
    st.builds(NodeGone, nodes),
    st.builds(NodeFailed, addresses, times, times, st.just("refused")),
    st.builds(NodeServed, addresses),
    st.builds(Listed, st.sampled_from(["", "u"]), times),
    st.builds(NotSmart, times),
)
topologies = st.lists(facts, max_size=15).map(
    lambda facts: fold(reduce, facts, Topology())
)


def after(topology, *facts):
    return fold(reduce, facts, topology)


def failed(node, since=1.0, until=6.0):
    return NodeFailed(node.address, since, until, "refused")


@given(topologies, listings, st.sampled_from(["", "u"]), times)
def test_a_diff_leads_to_the_listing(topology, listing, universe, at):
    found = after(topology, *diff(topology, listing, universe, at))
    assert set(found.nodes) == set(listing)
    assert len(found.nodes) == len(listing)
    assert (found.universe, found.listed_at, found.smart) == (universe, at, True)


@given(topologies, listings)
def test_nodes_are_kept_in_the_order_of_the_listing(topology, listing):
    assert after(topology, *diff(topology, listing, "", 1.0)).nodes == listing


@given(topologies, listings)
def test_a_second_diff_says_only_that_the_list_was_read(topology, listing):
    found = after(topology, *diff(topology, listing, "", 1.0))
    [event] = diff(found, listing, "", 2.0)
    assert isinstance(event, Listed)
    assert event.at == 2.0


@given(topologies, listings)
def test_a_listing_keeps_the_marks_of_nodes_that_stay(topology, listing):
    found = after(topology, *diff(topology, listing, "", 1.0))
    stay = {n.address for n in topology.nodes} & {n.address for n in listing}
    kept = {
        address: mark for address, mark in topology.marks.items() if address in stay
    }
    assert kept.items() <= found.marks.items()


@given(topologies)
def test_only_listed_nodes_are_marked(topology):
    """A dial may fail after its node was removed."""
    assert topology.marks.keys() <= {node.address for node in topology.nodes}


@given(topologies, facts)
def test_a_fact_leaves_the_topology_before_it_alone(topology, fact):
    before = (topology.nodes, dict(topology.marks), topology.listed_at, topology.smart)
    reduce(topology, fact)
    assert (
        topology.nodes,
        dict(topology.marks),
        topology.listed_at,
        topology.smart,
    ) == before


def test_a_topology_is_immutable():
    topology = after(Topology(), NodeListed(N1), failed(N1))
    with pytest.raises(AttributeError):
        topology.nodes = ()
    with pytest.raises(TypeError, match="does not support item assignment"):
        topology.marks[N2.address] = Mark(0, 0, "")
    with pytest.raises(TypeError, match="does not support item assignment"):
        Topology().marks[N2.address] = Mark(0, 0, "")


def test_a_node_is_marked_until_it_serves():
    topology = after(Topology(), NodeListed(N1), NodeListed(N2), failed(N1))
    assert topology.marks == {N1.address: Mark(1.0, 6.0, "refused", 5.0)}
    assert after(topology, failed(N1, 7.0, 12.0)).marks[N1.address].until == 12.0
    assert after(topology, NodeServed(N1.address)).marks == {}
    assert after(topology, NodeServed(N2.address)) is topology


def test_the_mark_of_a_node_vanishes_with_it():
    topology = after(Topology(), NodeListed(N1), failed(N1), NodeGone(N1))
    assert (topology.nodes, topology.marks) == ((), {})
    assert after(topology, NodeListed(N1)).marks == {}


def test_a_node_that_changed_takes_its_own_place():
    moved = Node(N1.address, N3.placement, role="replica")
    topology = after(Topology(), NodeListed(N1), NodeListed(N2), NodeListed(moved))
    assert topology.nodes == (moved, N2)


def test_nodes_on_one_host_are_told_apart_by_port():
    twin = Node(Address("n1", 5434), N1.placement)
    topology = after(Topology(), NodeListed(N1), NodeListed(twin), failed(twin))
    assert topology.nodes == (N1, twin)
    assert topology.marks.keys() == {twin.address}


def test_a_server_that_cannot_list_nodes_has_none():
    topology = after(Topology(), NodeListed(N1), failed(N1), NotSmart(3.0))
    assert topology == Topology(listed_at=3.0, smart=False)
    assert after(topology, Listed("u", 4.0)).smart


@pytest.mark.parametrize(
    ("now", "health"),
    [
        (3.5, "failed 2.5 s ago"),
        (5.99, "failed 5.0 s ago"),
        (6.0, "to be tried again, failed 5.0 s ago"),
    ],
)
def test_health_is_said_in_a_few_words(now, health):
    topology = after(Topology(), NodeListed(N1), NodeListed(N2), failed(N1))
    assert topology.health(N1.address, now) == health
    assert topology.health(N2.address, now) == "up"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("db1", 5433), "db1:5433"),
        (Address("db1", 5433, "10.0.0.1"), "db1:5433"),
        (Address("", 5433, "10.0.0.1"), "10.0.0.1:5433"),
        (Address("::1", 5433), "[::1]:5433"),
        (Address("", 5433), "local socket:5433"),
    ],
)
def test_an_address_is_shown_as_people_write_it(address, text):
    assert str(address) == text


def test_a_node_is_shown_with_its_placement():
    assert str(N1) == "n1:5433 (c.r.a)"


def test_a_drained_node_is_drained_whatever_is_listed():
    topology = fold(reduce, diff(Topology(), (N1, N2), "u", 1.0), Topology())
    topology = reduce(topology, NodeDrained(N1.address))
    for listed in ((N2,), (N1, N2)):
        topology = fold(reduce, diff(topology, listed, "u", 2.0), topology)
        assert topology.drained == {N1.address}
    assert topology.health(N1.address, 2.0) == "drained, up"
    topology = reduce(topology, NodeDrained(N1.address, drained=False))
    assert topology.drained == frozenset()


def test_a_node_that_serves_or_is_reached_makes_the_nodes_routable():
    lost = reduce(Topology((N1,)), Unroutable())
    assert not lost.routable
    assert reduce(lost, NodeServed(N1.address)).routable
    assert reduce(lost, NodeReached(N1.address, N1.address)).routable

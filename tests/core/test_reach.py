from __future__ import annotations

import pytest

from moorline.core.address import Address
from moorline.core.attempt import Attempt
from moorline.core.call import Call
from moorline.core.deadline import Deadline
from moorline.core.dial import connect
from moorline.core.events import (
    Listed,
    NodeDrained,
    NodeFailed,
    NodeReached,
    Unroutable,
)
from moorline.core.reach import endpoints, needs_retest, retest, ways_to
from moorline.core.topology import Topology, diff
from moorline.errors import ConfigError, DeadlineExceeded, NoNodeAvailable
from tests.core.scripted import World, loads, nodes_at, request_for, state_at

NOW = 1000.0
NODES = nodes_at("c.r.a", "c.r.a", "c.r.b")
N1, N2, N3 = (node.address for node in NODES)
PUBLIC = tuple(
    node._replace(public_host=f"p{number}") for number, node in enumerate(NODES, 1)
)
P1, P2, P3 = (Address(f"p{number}", 5433) for number in (1, 2, 3))
ENDPOINT = Address("lb", 5433)


def listed(nodes=NODES, *contacts, heard=None):
    state = state_at(*(contacts or (nodes[0].address,)), heard=heard)
    state.apply(*diff(state.topology, nodes, "u", NOW))
    return state


def dialled_by(state, world, request):
    world.dialled.clear()
    return world.run(connect(state, request, world.now))


# Addresses of a node.


def test_a_node_with_one_address_has_one_way():
    for host in ("", "n1"):
        node = NODES[0]._replace(public_host=host)
        assert ways_to(node, request_for(), Topology()) == (N1,)


def test_the_listed_address_comes_first_until_something_says_otherwise():
    assert ways_to(PUBLIC[0], request_for(), Topology(PUBLIC)) == (N1, P1)


@pytest.mark.parametrize(
    ("ways", "contacts", "first"),
    [
        ({N1: P1}, (), P1),
        ({N1: N1}, (ENDPOINT,), N1),
        ({N2: P2}, (), P1),  # another node was reached so
        ({N2: N2}, (P2,), N1),
        ({}, (P2,), P1),  # the caller names public addresses
        ({}, (Address("x", 5433, "p3"),), P1),
        ({}, (N2,), N1),
        ({}, (None,), N1),
        ({N1: N1, N2: P2}, (), N1),  # its own past counts most
    ],
)
def test_what_worked_comes_first(ways, contacts, first):
    topology = Topology(PUBLIC, ways=ways)
    found = ways_to(PUBLIC[0], request_for(contacts=contacts), topology)
    assert found[0] == first
    assert set(found) == {N1, P1}


@pytest.mark.parametrize(
    ("listed_host", "dialled", "way"),
    [
        ("db1", "10.0.0.1", Address("db1", 7, "10.0.0.1")),
        ("db1", "fe80::1", Address("db1", 7, "fe80::1")),
        ("db1", "db1.example", Address("db1.example", 7)),
        ("10.0.0.1", "127.0.0.1", Address("127.0.0.1", 7)),
        ("10.0.0.1", "db1", Address("db1", 7)),
    ],
)
def test_a_map_decides_and_a_name_stays_the_one_that_is_verified(
    listed_host, dialled, way
):
    node = NODES[0]._replace(address=Address(listed_host, 5433), public_host="p1")
    asked = []

    def address_map(host, port):
        asked.append((host, port))
        return dialled, 7

    request = request_for(address_map=address_map)
    assert ways_to(node, request, Topology()) == (way,)
    assert asked == [(listed_host, 5433)]


@pytest.mark.parametrize("answer", [None, "db1", ("db1", "5433"), ("db1",), 5433])
def test_a_map_that_gives_something_else_is_an_error(answer):
    request = request_for(address_map=lambda host, port: answer)
    with pytest.raises(ConfigError, match="return a host and a port"):
        ways_to(NODES[0], request, Topology())


def test_a_public_address_is_tried_when_the_listed_one_does_not_answer():
    heard = []
    state = listed(PUBLIC, heard=heard)
    world = World(PUBLIC, dict.fromkeys((N1, N2, N3), "refused"))
    request = request_for()
    for _ in range(6):
        dialled_by(state, world, request)
    assert loads(state) == {N1: 2, N2: 2, N3: 2}
    assert state.topology.marks == {}
    assert state.topology.ways == {N1: P1, N2: P2, N3: P3}
    # The first node cost two dials; after that, all are taken to be alike.
    assert len([e for e in heard if isinstance(e, NodeReached)]) == 3
    assert "up, reached at p1:5433" in state.topology.health(N1, NOW)


def test_a_node_is_marked_once_when_no_address_answers():
    state = listed(PUBLIC)
    world = World(PUBLIC, {N1: "refused", P1: "silent"})
    request = request_for("c.r.a", timeout=60.0)
    for _ in range(4):
        dialled_by(state, world, request)
    assert state.topology.marks.keys() <= {N1}
    assert loads(state)[N1] == 0


def test_a_node_that_is_tried_again_may_serve_at_its_other_address():
    """Then it did not fail, and nobody is told that it did."""
    heard = []
    state = listed(PUBLIC, heard=heard)
    state.apply(NodeFailed(N3, NOW - 10.0, NOW - 5.0, "refused"))
    heard.clear()
    world = World(PUBLIC, dict.fromkeys((N1, N2, N3), "refused"))
    conn = dialled_by(state, world, request_for("c.r.b:1,c.r.a:2", timeout=60.0))
    assert conn.address == P3
    assert not [event for event in heard if isinstance(event, NodeFailed)]


def test_a_node_that_answers_is_not_tried_elsewhere():
    state = listed(PUBLIC[:1])
    world = World(PUBLIC[:1], {N1: "57P03"})
    with pytest.raises(NoNodeAvailable):
        dialled_by(state, world, request_for())
    assert world.dialled == [N1]


def test_all_addresses_of_all_nodes_share_one_deadline():
    state = listed(PUBLIC)
    world = World(PUBLIC, dict.fromkeys((N1, N2, N3, P1, P2, P3), "silent"))
    with pytest.raises((DeadlineExceeded, NoNodeAvailable)):
        dialled_by(state, world, request_for(timeout=10.0))
    assert world.now <= NOW + 10.0


def test_a_look_in_the_background_finds_the_listed_address_again():
    state = listed(PUBLIC)
    world = World(PUBLIC, {N1: "refused"})
    state.apply(NodeReached(N1, P1), NodeReached(N2, P2), NodeReached(N3, N3))
    assert needs_retest(state.topology)
    world.run(retest(state, request_for()))
    assert state.topology.ways == {N1: P1, N2: N2, N3: N3}
    assert not world.open  # the looks are over
    world.faults.clear()
    world.run(retest(state, request_for()))
    assert not needs_retest(state.topology)


def test_reading_the_list_again_looks_at_addresses_again():
    state = listed(PUBLIC)
    state.apply(NodeReached(N1, P1))
    world = World(PUBLIC)
    world.now = NOW + 301.0
    dialled_by(state, world, request_for())
    assert state.topology.ways[N1] == N1


def test_what_left_the_list_is_forgotten():
    state = listed(PUBLIC)
    state.apply(NodeReached(N1, P1))
    state.apply(*diff(state.topology, PUBLIC[1:], "u", NOW))
    assert state.topology.ways == {}


# A contact point that stands for all nodes.


def call(state, request, *, tried=()):
    attempts = {address: Attempt(address, "x") for address in tried}
    return Call(state, request, Deadline(), NOW, attempts, trials=set())


def test_contact_points_that_are_no_nodes_may_stand_for_all():
    state = listed()
    request = request_for(contacts=(N1, ENDPOINT, None))
    assert endpoints(call(state, request)) == (ENDPOINT, None)
    assert endpoints(call(state, request, tried=[ENDPOINT, N2])) == (None,)


@pytest.mark.parametrize("keys", ["c.r.a", "c.x.*"])
def test_they_may_not_if_not_every_node_will_do(keys):
    request = request_for(keys, strict=True, contacts=(ENDPOINT,))
    assert endpoints(call(listed(), request)) == ()
    everywhere = request_for("c.r.*", strict=True, contacts=(ENDPOINT,))
    assert endpoints(call(listed(), everywhere)) == (ENDPOINT,)


def test_they_may_not_while_a_node_is_drained():
    state = listed()
    state.apply(NodeDrained(N1))
    assert endpoints(call(state, request_for(contacts=(ENDPOINT,)))) == ()


def test_they_may_not_if_a_node_answered():
    one = call(listed(), request_for(contacts=(ENDPOINT,)))
    one.attempts[N1] = Attempt(N1, "too many clients", answered=True)
    assert endpoints(one) == ()


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_nodes_out_of_reach_are_reached_through_the_contact_point(fault):
    heard = []
    state = listed(NODES, ENDPOINT, heard=heard)
    world = World(NODES, dict.fromkeys((N1, N2, N3), fault))
    request = request_for(contacts=(ENDPOINT,))
    conn = dialled_by(state, world, request)
    assert conn.address == ENDPOINT
    assert world.now <= NOW + 10.0
    assert heard.count(Unroutable()) == 1
    conn = dialled_by(state, world, request)
    assert world.dialled == [ENDPOINT]
    assert heard.count(Unroutable()) == 1
    assert not state.topology.routable
    assert loads(state) == {}


def test_three_nodes_are_enough_to_see_that_none_can_be_reached():
    nodes = nodes_at(*["c.r.a"] * 50)
    state = listed(nodes, ENDPOINT)
    world = World(nodes, dict.fromkeys([n.address for n in nodes], "silent"))
    conn = dialled_by(state, world, request_for(contacts=(ENDPOINT,)))
    assert conn.address == ENDPOINT
    assert len(world.dialled) == 4


def test_once_a_node_has_served_all_are_tried_first():
    nodes = nodes_at(*["c.r.a"] * 5)
    state = listed(nodes, ENDPOINT)
    world = World(nodes)
    request = request_for(contacts=(ENDPOINT,))
    dialled_by(state, world, request)
    world.faults = dict.fromkeys([n.address for n in nodes], "refused")
    conn = dialled_by(state, world, request)
    assert conn.address == ENDPOINT
    assert len(world.dialled) == 6


def test_when_nodes_come_into_reach_connections_go_to_them_again():
    state = listed(NODES, ENDPOINT)
    world = World(NODES, dict.fromkeys((N1, N2, N3), "refused"))
    request = request_for(contacts=(ENDPOINT,))
    dialled_by(state, world, request)
    world.faults.clear()
    world.now += 301.0
    dialled_by(state, world, request)  # reads the list, and looks, in the background
    assert state.topology.routable
    for _ in range(3):
        dialled_by(state, world, request)
    assert loads(state) == {N1: 1, N2: 1, N3: 1}


def test_a_caller_who_must_not_use_the_contact_point_reaches_for_the_nodes():
    state = listed(NODES, ENDPOINT)
    state.apply(Unroutable())
    world = World(NODES)
    request = request_for("c.r.b", strict=True, contacts=(ENDPOINT,))
    assert dialled_by(state, world, request).address == N3
    assert state.topology.routable


def test_a_contact_point_that_fails_too_is_one_more_line():
    state = listed(NODES, ENDPOINT)
    world = World(NODES, dict.fromkeys((N1, N2, N3, ENDPOINT), "refused"))
    with pytest.raises(NoNodeAvailable) as raised:
        dialled_by(state, world, request_for(contacts=(ENDPOINT,)))
    assert "lb:5433 [contact point]: Connection refused" in str(raised.value)
    assert world.dialled[-1] == ENDPOINT
    assert len(raised.value.attempts) == 4


def test_a_contact_point_that_refuses_the_caller_says_so():
    state = listed(NODES, ENDPOINT)
    faults = dict.fromkeys((N1, N2, N3), "refused") | {ENDPOINT: "28P01"}
    with pytest.raises(Exception, match="28P01"):
        dialled_by(state, World(NODES, faults), request_for(contacts=(ENDPOINT,)))
    assert state.topology.routable


def test_a_list_that_says_nothing_new_leaves_the_mode_as_it_is():
    topology = Topology(NODES, routable=False)
    state = listed(NODES, ENDPOINT)
    state.topology = topology
    state.apply(Listed("u", NOW + 1.0, (N1, N2, N3)))
    assert not state.topology.routable

"""Two states that turn out to be one cluster become one."""

from __future__ import annotations

import threading

import pytest

from moorline.core.address import Address
from moorline.core.deadline import Deadline
from moorline.core.dial import connect
from moorline.core.events import NodeDrained
from moorline.core.placement import Tier
from moorline.core.refresh import read_list
from moorline.errors import NoNodeAvailable
from tests.core.scripted import Conn, World, loads, nodes_at, request_for, state_at

NODES = nodes_at("c.r.a", "c.r.b", "c.s.a")
N1, N2, N3 = (node.address for node in NODES)
X = Address("x", 5433)  # an address that leads to the same servers
NOW = 1000.0
REQUEST = request_for()


class Universes(World):
    """Servers that name their universe: `other` answer as another cluster's."""

    other: tuple[Address, ...] = ()
    other_nodes = nodes_at("d.r.a", "d.r.b")

    def _fetch(self, conn, timeout):
        rows = super()._fetch(conn, timeout)
        if conn.address in self.other:
            return [{"node": node, "universe": "v"} for node in self.other_nodes]
        return [{**row, "universe": "u"} for row in rows]


def decode(rows):
    universe = rows[0]["universe"] if rows else ""
    return tuple(row["node"] for row in rows), universe


NAMED = REQUEST._replace(source=REQUEST.source._replace(decode=decode))


def process(*contact_lists):
    """Return the states of one process, one per list of contact points."""
    lock = threading.Lock()
    states = []
    for contacts in contact_lists:
        state = state_at(*contacts, lock=lambda: lock)
        state._kin = lambda: states
        states.append(state)
    return states


def dial(world, state, request=NAMED):
    return world.run(connect(state, request, world.now))


def read(world, state):
    deadline = Deadline.after(world.now, 10.0)
    return world.run(read_list(state, NAMED, world.now, deadline, force=True))


def test_two_contact_lists_of_one_universe_are_one_cluster():
    one, two = process([N1], [X])
    world = Universes(NODES)
    conns = [dial(world, state) for state in (one, two) * 3]
    assert two.home is one.home is one
    assert loads(one) == {N1: 2, N2: 2, N3: 2}
    assert one.contacts == (N1, X)
    assert len({conn.address for conn in conns}) == 3


def test_two_universes_are_two_clusters_whatever_their_addresses():
    one, two = process([N1], [X])
    world = Universes(NODES)
    world.other, world.other_nodes = (X,), NODES
    for _ in range(3):
        dial(world, one)
    for _ in range(6):
        dial(world, two)
    assert two.home is two
    assert loads(one) == {N1: 1, N2: 1, N3: 1}
    assert loads(two) == {N1: 2, N2: 2, N3: 2}


def test_a_cluster_is_read_once_more_when_it_is_met_by_another_contact_and_then_known():
    one, two = process([N1], [X])
    world = Universes(NODES)
    for state in (one, two) * 4:
        dial(world, state)
    controls = [s for s in world.steps if getattr(s, "control", False)]
    assert len(controls) == 2


def test_connections_and_places_of_both_are_counted_after_they_became_one():
    """The servers named no universe at first, and the lists had no node in common."""
    one, two = process([N1], [X])
    world = Universes(NODES)
    world.other, world.other_nodes = (X,), nodes_at("d.r.a", "d.r.b")
    held = [dial(world, one) for _ in range(3)] + [dial(world, two) for _ in range(2)]
    kept, given_back = (two.reserve((Tier(),), (), world.now) for _ in range(2))
    two.topology = two.topology._replace(universe="")
    world.other = ()
    read(world, two)
    assert two.home is one
    assert sum(loads(one).values()) == 7

    with given_back:
        pass
    last = Conn()
    kept.keep(last, NAMED.dialect.life)
    assert sum(loads(one).values()) == 6
    for conn in (*held, last):
        conn.close()
    assert loads(one) == {}


def test_a_node_drained_by_one_is_drained_for_both():
    one, two = process([N1], [X])
    world = Universes(NODES)
    dial(world, one)
    two.apply(NodeDrained(N2))
    for state in (two, one) * 3:
        dial(world, state)
    assert N2 not in loads(one)


def test_a_server_of_another_cluster_is_not_believed():
    """A name that now leads elsewhere: the nodes of the cluster still speak for it."""
    (state,) = process([X])
    world = Universes(NODES)
    dial(world, state)
    world.other = (X,)
    read(world, state)
    assert state.topology.universe == "u"
    assert state.topology.nodes == NODES


def test_a_cluster_that_was_replaced_is_the_new_one_when_nobody_speaks_for_the_old():
    (state,) = process([X])
    world = Universes(NODES)
    dial(world, state)
    world.other = (X,)
    world.faults = dict.fromkeys((N1, N2, N3), "refused")
    read(world, state)
    assert state.topology.universe == "v"
    assert state.topology.nodes == world.other_nodes


def test_a_list_without_nodes_is_no_list():
    (state,) = process([X])
    world = Universes(())
    with pytest.raises(NoNodeAvailable, match="it lists no nodes"):
        dial(world, state)
    world.nodes = NODES
    dial(world, state)
    world.nodes = ()
    with pytest.raises(NoNodeAvailable):
        read(world, state)
    assert state.topology.nodes == NODES


def test_who_waits_for_a_list_finds_the_cluster_that_it_is_of():
    one, two = process([N1], [X])
    world = Universes(NODES)
    dial(world, one)
    claim = two.claim(NOW, 300.0)
    waiting = connect(two, NAMED, NOW)
    step = waiting.send(None)
    assert step.flight is claim.flight
    two.identify("u", NODES)
    claim.flight.set_result(None)
    assert two.home is one
    waiting.close()

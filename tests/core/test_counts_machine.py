"""Whatever happens, a node's count is its open connections and the places reserved."""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from moorline.core.dial import connect
from moorline.core.events import Listed, NodeFailed, NodeServed
from moorline.core.placement import Tier, parse_keys, tiers_of
from moorline.core.plan import candidates, rank
from moorline.core.steps import Connect, Now, Start, Wait
from moorline.core.topology import diff
from moorline.errors import NoNodeAvailable
from tests.core.scripted import DIALECT, Conn, nodes_at, request_for, state_at

NODES = nodes_at("c.r.a", "c.r.a", "c.r.b", "c.s.a", "c.s.b")
TIERS = [
    (Tier(),),
    tiers_of(parse_keys("c.r.a:1,c.r.b:2"), strict=False),
    tiers_of(parse_keys("c.r.*"), strict=True),
]
tiers = st.sampled_from(TIERS)
some_nodes = st.sets(st.sampled_from(NODES)).map(
    lambda found: tuple(sorted(found, key=str))
)


def unboxed(box):
    """Empty a list: hypothesis keeps it, but no longer what was in it."""
    values = tuple(box)
    box.clear()
    return values


class Counts(RuleBasedStateMachine):
    """The model: for each node, what is open and which places are taken.

    What a process has from before a fork stays out of its child's counts; `era` tells
    the two apart.
    """

    conns = Bundle("conns")
    places = Bundle("places")
    dials = Bundle("dials")

    @initialize(nodes=some_nodes)
    def begin(self, nodes):
        gc.freeze()  # collections then look at this example's objects only
        self.now = 0.0
        self.era = 0
        self.expected = Counter()
        self.state = state_at(None, seed=5)
        self.list_nodes(nodes)

    def count(self, address, change, era):
        if era == self.era:
            self.expected[address] += change

    # The cluster.

    @rule(nodes=some_nodes)
    def list_nodes(self, nodes):
        self.state.apply(*diff(self.state.topology, nodes, "", self.now))
        assert set(self.state.topology.nodes) == set(nodes)

    @rule(node=st.sampled_from(NODES), pause=st.sampled_from([0.0, 1.0, 5.0]))
    def node_fails(self, node, pause):
        event = NodeFailed(node.address, self.now, self.now + pause, "x")
        self.state.apply(event)

    @rule(node=st.sampled_from(NODES))
    def node_serves(self, node):
        self.state.apply(NodeServed(node.address))

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0]))
    def time_passes(self, seconds):
        self.now += seconds

    # Places and connections.

    @rule(target=places, tiers=tiers, tried=some_nodes)
    def reserve(self, tiers, tried):
        tried = {node.address for node in tried}
        topology, before = self.state.topology, Counter(self.state.loads())
        index, due = candidates(rank(topology, tiers), topology.marks, tried, self.now)
        place = self.state.reserve(tiers, tried, self.now)
        if place is None:
            assert not due
            return multiple()
        assert place.node in due
        assert place.tier == tiers[index]
        least = min(before[node.address] for node in due)
        assert before[place.node.address] == least
        self.count(place.node.address, +1, self.era)
        return place, self.era

    @rule(target=conns, taken=consumes(places))
    def keep(self, taken):
        place, era = taken
        conn = Conn(place.node.address)
        with place:
            place.keep(conn, DIALECT.life)
        return [conn, era]

    @rule(taken=consumes(places))
    def release(self, taken):
        place, era = taken
        with place:
            pass
        self.count(place.node.address, -1, era)

    @rule(opened=consumes(conns), how=st.sampled_from(["close", "drop", "cycle"]))
    def end(self, opened, how):
        conn, era = unboxed(opened)
        self.count(conn.address, -1, era)
        match how:
            case "close":  # or broken: a driver says "closed" of both
                conn.close()
            case "cycle":
                conn.itself = conn
        del conn
        if how == "cycle":
            gc.collect()

    # Connects under way.

    @rule(target=dials, tiers=tiers)
    @precondition(lambda self: self.state.topology.nodes)
    def begin_dial(self, tiers):
        self.state.listed()
        self.state.apply(Listed("", self.now))
        request = request_for(timeout=None)._replace(tiers=tiers)
        flow = connect(self.state, request, self.now)
        return self.next_candidate(flow, None)

    @rule(target=dials, dialled=consumes(dials))
    def fail_dial(self, dialled):
        flow, address, era = unboxed(dialled)
        self.count(address, -1, era)
        flow.throw(TimeoutError())
        return self.next_candidate(flow, self.now)

    def next_candidate(self, flow, now):
        try:
            step = flow.send(now)
        except NoNodeAvailable:
            return multiple()
        while not isinstance(step, Connect):  # a node that had failed is tried first
            answers = {Start: None, Wait: True, Now: self.now}
            step = flow.send(answers[type(step)])
        self.count(step.address, +1, self.era)
        return [flow, step.address, self.era]

    @rule(dialled=consumes(dials), how=st.sampled_from(["cancel", "forget"]))
    def abandon_dial(self, dialled, how):
        flow, address, era = unboxed(dialled)
        self.count(address, -1, era)
        if how == "cancel":
            flow.close()
        del flow

    @rule(target=conns, dialled=consumes(dials))
    def finish_dial(self, dialled):
        flow, address, era = unboxed(dialled)
        conn = Conn(address)
        with pytest.raises(StopIteration):
            flow.send(conn)
        return [conn, era]

    # A child process.

    @rule()
    def fork(self):
        self.state.start_afresh()
        self.expected.clear()
        self.era += 1

    @invariant()
    def counts_are_true(self):
        assert self.state.loads() == {a: n for a, n in self.expected.items() if n}
        assert min(self.expected.values(), default=0) >= 0

    def teardown(self):
        gc.unfreeze()


TestCounts = Counts.TestCase
TestCounts.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)

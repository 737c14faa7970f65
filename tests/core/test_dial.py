"""Connecting: order, time and marks. Who gets how many is in tests/spec."""

from __future__ import annotations

import gc

import pytest

from moorline.core.dial import connect
from moorline.core.events import Listed, NodeFailed, NodeListed, NodeServed
from moorline.core.faults import Fault
from moorline.core.reach import FULL_PAUSE
from moorline.core.steps import Connect, Now, Start, Wait
from moorline.core.topology import Mark
from moorline.errors import DeadlineExceeded, NoNodeAvailable
from tests.core.scripted import (
    Conn,
    DriverError,
    World,
    loads,
    nodes_at,
    request_for,
    state_at,
)

NODES = nodes_at("c.r.a", "c.r.a", "c.s.a")
N1, N2, N3 = (node.address for node in NODES)
NOW = 1000.0
IN_TURN = "c.r.a:1,c.s.a:2"


def listed(heard=None):
    state = state_at(N1)
    state.apply(*map(NodeListed, NODES), Listed("u", NOW))
    state.listen = lambda event, before: None if heard is None else heard.append(event)
    return state


def dial(state, request, faults=None):
    world = World(NODES, faults=faults or {})
    conn = None
    try:
        conn = world.run(connect(state, request, world.now))
    except Exception as error:  # noqa: BLE001 - what is tested
        return world, error
    return world, conn


def test_a_connect_to_a_known_cluster_is_one_step():
    world, conn = dial(listed(), request_for(timeout=9.0))
    assert world.steps == [Connect(conn.address, 3.0)]


def test_the_connection_is_counted_as_long_as_it_is_open():
    state = listed()
    _, conn = dial(state, request_for())
    assert loads(state) == {conn.address: 1}
    conn.close()
    assert loads(state) == {}


@pytest.mark.parametrize(
    ("keys", "timeout", "expected"),
    [
        (IN_TURN, 9.0, [3.0, 4.5, 9.0]),
        (IN_TURN, 4.5, [2.0, 2.25, 4.5]),  # two seconds at the least
        (IN_TURN, 3.0, [1.5, 1.5, 3.0]),  # if there is time for two such
        (IN_TURN, 1.5, [1.0, 1.0, 1.5]),  # but never less than one
        (IN_TURN, None, [None, None, None]),
    ],
)
def test_each_candidate_gets_its_share_of_what_is_left(keys, timeout, expected):
    request = request_for(keys, timeout=timeout)
    world, _ = dial(listed(), request, {N1: "refused", N2: "refused"})
    shares = [step.timeout for step in world.steps if isinstance(step, Connect)]
    assert shares == expected


def test_nodes_that_are_no_candidates_get_no_share():
    world, _ = dial(listed(), request_for("c.s.a", strict=True, timeout=9.0))
    assert world.steps[-1] == Connect(N3, 9.0)


def test_a_silent_node_costs_its_share_only():
    state = listed()
    world, conn = dial(
        state, request_for(IN_TURN, timeout=9.0), {N1: "silent", N2: "silent"}
    )
    assert conn.address == N3
    assert world.now == NOW + 3.0 + 3.0
    assert set(world.dialled[:2]) == {N1, N2}


@pytest.mark.parametrize("timeout", [1.0, 4.0, 5.9])
def test_no_connect_outlives_its_deadline(timeout):
    faults = dict.fromkeys((N1, N2, N3), "silent")
    world, error = dial(listed(), request_for(timeout=timeout), faults)
    assert isinstance(error, DeadlineExceeded)
    assert world.now <= NOW + timeout
    message = f"no connection within {timeout:g} s (connect_timeout; topology_keys=)"
    assert error.summary == message
    assert len(error.attempts) == len(world.dialled)
    assert {attempt.address for attempt in error.attempts} == set(world.dialled)
    assert str(error).endswith("costs its share of this time.")


@pytest.mark.parametrize(
    ("fault", "pause"),
    [("refused", 5.0), ("57P03", 5.0), ("08006", 5.0), ("53300", FULL_PAUSE)],
)
def test_a_node_that_cannot_serve_is_left_alone_for_a_while(fault, pause):
    state = listed()
    dial(state, request_for("c.s.a:1,c.r.a:2"), {N3: fault})
    mark = state.topology.marks[N3]
    assert (mark.since, mark.until) == (NOW, NOW + pause)
    assert state.topology.marks.keys() == {N3}


@pytest.mark.parametrize("fault", ["28P01", "28000", "3D000", "42501", "22023"])
def test_the_callers_own_fault_is_raised_at_once_and_marks_nothing(fault):
    state = listed()
    world, error = dial(state, request_for(), dict.fromkeys((N1, N2, N3), fault))
    assert isinstance(error, DriverError)
    assert len(world.dialled) == 1
    assert state.topology.marks == {}
    assert loads(state) == {}


def test_a_node_that_serves_again_is_unmarked_and_told_of_once():
    heard = []
    state = listed(heard)
    state.apply(NodeFailed(N3, NOW - 9, NOW - 4, "x"))
    heard.clear()
    request = request_for("c.s.a")
    first = dial(state, request)
    second = dial(state, request)
    assert heard == [NodeServed(N3)]
    assert [conn.address for _, conn in (first, second)] == [N3, N3]


def test_the_last_resort_is_a_node_that_is_left_alone():
    state = listed()
    for address, since in ((N1, 3), (N2, 2), (N3, 1)):
        state.apply(NodeFailed(address, NOW - since, NOW + 9, "x"))
    world, conn = dial(state, request_for())
    assert conn.address == N1
    assert world.dialled == [N1]
    assert state.topology.marks.keys() == {N2, N3}


def test_no_node_is_tried_twice():
    faults = dict.fromkeys((N1, N2, N3), "refused")
    world, error = dial(listed(), request_for(pause=0.0), faults)
    assert isinstance(error, NoNodeAvailable)
    assert sorted(world.dialled) == [N1, N2, N3]


def test_no_node_has_a_line_for_every_node():
    state = listed()
    _, error = dial(state, request_for("c.s.a,c.r.x:2", strict=True), {N3: "refused"})
    assert (
        error.summary
        == "no node could be used: 3 known, 1 tried (topology_keys=c.s.a,c.r.x:2)"
    )
    outside = "outside topology_keys, and fallback_to_topology_keys_only is on"
    assert str(error).splitlines()[1:] == [
        "  n3:5433 [c.s.a; priority 1: c.s.a; up]: Connection refused (after 0.00 s)",
        f"  n1:5433 [c.r.a; no tier; up]: not tried: {outside}",
        f"  n2:5433 [c.r.a; no tier; up]: not tried: {outside}",
        "topology_keys: c.r.x matches no node; did you mean c.r.a?",
    ]


def test_no_node_at_all_is_an_error_too():
    state = state_at(N1)
    state.apply(Listed("u", NOW))
    _, error = dial(state, request_for())
    assert isinstance(error, NoNodeAvailable)
    assert error.summary.startswith("no node could be used: 0 known, 0 tried")


def test_a_server_that_is_no_cluster_gets_a_plain_connect():
    state, world = state_at(N1), World(smart=False)
    conn = world.run(connect(state, request_for(timeout=9.0), world.now))
    assert world.dialled == [None]
    assert world.steps[-1] == Connect(None, 9.0)
    assert conn.address is None
    assert loads(state) == {}


def test_discovery_is_part_of_the_deadline():
    state, world = state_at(N1, N2), World(NODES, faults={N1: "silent"})
    world.run(connect(state, request_for("c.s.a", timeout=30.0), world.now))
    assert world.now == NOW + 5.0  # half of the limit of a refresh
    assert world.steps[-1] == Connect(N3, (30.0 - 5.0) / 3)


@pytest.mark.parametrize("at", ["the first candidate", "a later candidate"])
def test_a_cancelled_connect_leaves_no_place_taken(at):
    state = listed()
    flow = connect(state, request_for(), NOW)
    step = flow.send(None)
    if at == "a later candidate":
        flow.throw(TimeoutError())
        step = flow.send(NOW + 1)
    assert isinstance(step, Connect)
    assert loads(state) == {step.address: 1}
    flow.close()
    assert loads(state) == {}


def test_a_forgotten_connect_leaves_no_place_taken():
    state = listed()
    flow = connect(state, request_for(), NOW)
    flow.send(None)
    del flow
    gc.collect()
    assert loads(state) == {}


def test_a_driver_whose_connections_cannot_be_counted_is_an_error():
    state = listed()
    flow = connect(state, request_for(), NOW)
    flow.send(None)
    with pytest.raises(TypeError, match="weak reference"):
        flow.send(("no", "weak", "references"))
    assert loads(state) == {}


def test_a_node_that_is_listed_no_more_is_not_marked_by_a_late_failure():
    state = listed()
    flow = connect(state, request_for("c.s.a:1,c.r.a:2", timeout=None), NOW)
    assert flow.send(None).address == N3
    world = World(NODES[:2])
    world.now = NOW + 300
    world.run(connect(state, request_for(), world.now))  # reads a list without n3
    assert flow.throw(TimeoutError()) == Now()
    assert flow.send(NOW + 301).address in {N1, N2}
    flow.close()
    assert N3 not in state.topology.marks


def test_a_mark_says_why():
    state = listed()
    dial(state, request_for("c.s.a:1,c.r.a:2"), {N3: "refused"})
    assert state.topology.marks[N3] == Mark(NOW, NOW + 5.0, "Connection refused", 5.0)


def test_the_connection_itself_is_handed_over():
    state = listed()
    conn = Conn()
    flow = connect(state, request_for(), NOW)
    flow.send(None)
    with pytest.raises(StopIteration) as done:
        flow.send(conn)
    assert done.value.value is conn


def test_a_cluster_that_moved_is_found_again_before_the_interval_is_over():
    [*_, moved] = nodes_at(*["c.r.a"] * 4)
    world = World((moved,), faults=dict.fromkeys([N1, N2, N3], "refused"), now=NOW + 5)
    state = state_at(moved.address)  # a name that leads to the new place
    state.apply(*map(NodeListed, NODES), Listed("u", NOW))
    for _ in range(2):  # the second has the list read, behind its back
        with pytest.raises(NoNodeAvailable):
            world.run(connect(state, request_for(), world.now))
    assert world.run(connect(state, request_for(), world.now)).address == moved.address


@pytest.mark.parametrize(
    ("keys", "after"),
    [("", 4.9), ("x.y.z", 60.0)],
    ids=["the list is young", "no node was tried"],
)
def test_a_connect_that_fails_again_and_again_does_not_ask_for_the_list(keys, after):
    world = World(NODES, faults=dict.fromkeys([N1, N2, N3], "refused"), now=NOW + after)
    state = listed()
    for _ in range(3):
        with pytest.raises(NoNodeAvailable):
            world.run(connect(state, request_for(keys, strict=True), world.now))
    assert not [step for step in world.steps if isinstance(step, Start)]


# Nodes that had failed, tried again.


THAT_FIRST = "c.s.a:1,c.r.a:2"


def had_failed(pause=5.0):
    state = listed()
    state.apply(NodeFailed(N3, NOW - 10.0, NOW - 10.0 + pause, "silent"))
    return state


def test_a_node_that_serves_again_is_used_at_once():
    state = had_failed()
    _, conn = dial(state, request_for(THAT_FIRST))
    assert conn.address == N3
    assert state.topology.marks == {}


def test_a_node_that_is_still_silent_costs_a_moment_and_not_its_share():
    state, request = had_failed(), request_for(THAT_FIRST)
    flow = connect(state, request, NOW)
    assert isinstance(flow.send(None), Start)
    wait = flow.send(None)
    assert isinstance(wait, Wait)
    assert wait.timeout < 0.5
    assert isinstance(flow.throw(TimeoutError()), Now)
    step = flow.send(NOW + wait.timeout)
    assert step.address in (N1, N2)
    flow.close()


def test_others_do_not_wait_for_a_node_that_is_being_tried():
    state, request = had_failed(), request_for(THAT_FIRST)
    first = connect(state, request, NOW)
    first.send(None)
    world, conn = dial(state, request)
    assert conn.address in (N1, N2)
    assert len(world.steps) == 1
    first.close()


def test_a_node_that_fails_again_is_left_alone_for_its_pause():
    state = had_failed()
    _, conn = dial(state, request_for(THAT_FIRST), {N3: "refused"})
    assert conn.address in (N1, N2)
    assert state.topology.marks[N3].until == NOW + 5.0


def test_a_node_that_had_no_time_to_answer_is_come_back_to():
    """All others fail: then its whole share is worth waiting for."""
    state, request = had_failed(), request_for(THAT_FIRST)
    flow = connect(state, request, NOW)
    flow.send(None)
    flow.send(None)
    flow.throw(TimeoutError())
    refused = DriverError(Fault("refused", answered=False))
    tried = [flow.send(NOW).address]
    for _ in range(2):
        assert isinstance(flow.throw(refused), Now)
        tried.append(flow.send(NOW).address)
    assert set(tried[:2]) == {N1, N2}
    assert tried[2] == N3
    flow.close()


def test_the_only_node_there_is_gets_its_share_at_once():
    state = listed()
    state.apply(NodeFailed(N3, NOW - 10.0, NOW - 5.0, "silent"))
    world, _ = dial(state, request_for("c.s.a", strict=True, timeout=9.0))
    assert world.steps[0] == Connect(N3, 9.0)


def test_a_node_that_is_still_full_is_left_alone_for_a_moment_only():
    state = had_failed()
    dial(state, request_for(THAT_FIRST), {N3: "53300"})
    assert state.topology.marks[N3].until == NOW + FULL_PAUSE

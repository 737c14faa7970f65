from __future__ import annotations

from concurrent.futures import Future

import pytest

from moorline.core.deadline import Deadline
from moorline.core.events import Listed, NodeFailed, NodeListed, NotSmart, RefreshFailed
from moorline.core.faults import Fault
from moorline.core.flight import Abandoned, Landed, Refused, Unreachable
from moorline.core.refresh import REFRESH_LIMIT, ensure_listed, read_list, refresh
from moorline.core.steps import Close, Connect, Fetch, Now, Start, Wait
from moorline.errors import DeadlineExceeded, NoNodeAvailable
from tests.core.scripted import (
    Conn,
    DriverError,
    World,
    nodes_at,
    play,
    request_for,
    state_at,
)

NODES = nodes_at("c.r.a", "c.r.b", "c.s.a")
N1, N2, N3 = (node.address for node in NODES)
REQUEST = request_for()
NOW = 1000.0


def listed(*contacts, at=NOW):
    state = state_at(*(contacts or [N1]))
    state.apply(*map(NodeListed, NODES), Listed("u", at))
    return state


def ensure(world, state, request=REQUEST):
    deadline = Deadline.after(world.now, request.timeout)
    return world.run(ensure_listed(state, request, world.now, deadline))


def asked(world):
    """Return who was asked for the list, in order."""
    return [step.address for step in world.steps if isinstance(step, Connect)]


# Waiting, or not.


def test_the_first_list_is_waited_for():
    state, world = state_at(N1), World(NODES)
    assert ensure(world, state) == NOW
    assert state.topology.nodes == NODES
    assert (state.topology.universe, state.topology.listed_at) == ("u", NOW)


def test_a_fresh_list_costs_no_step():
    world = World(NODES)
    assert ensure(world, listed()) == NOW
    assert world.steps == []


def test_a_list_that_is_due_is_read_behind_the_callers_back():
    state, world = listed(at=NOW - 300), World(NODES[:2])
    flow = ensure_listed(state, REQUEST, NOW, Deadline.after(NOW, 10.0))
    assert isinstance(flow.send(None), Start)
    with pytest.raises(StopIteration):
        flow.send(None)  # nobody waited
    state = listed(at=NOW - 300)
    ensure(world, state)
    assert state.topology.nodes == NODES[:2]


def test_force_waits_even_if_the_list_is_fresh():
    state, world = listed(), World(NODES[:1])
    deadline = Deadline.after(NOW, 10.0)
    world.run(read_list(state, REQUEST, NOW, deadline, force=True))
    assert state.topology.nodes == NODES[:1]


def test_who_does_not_lead_starts_nothing():
    state = state_at(N1)
    flight = state.claim(NOW, 300.0).flight
    flow = ensure_listed(state, REQUEST, NOW, Deadline.after(NOW, 10.0))
    assert flow.send(None) == Wait(flight, 10.0)


def test_a_caller_waits_no_longer_than_its_deadline():
    state = state_at(N1)
    state.claim(NOW, 300.0)
    request = request_for(timeout=3.0)
    flow = ensure_listed(state, request, NOW, Deadline.after(NOW, 3.0))
    assert flow.send(None).timeout == 3.0
    with pytest.raises(DeadlineExceeded, match=r"n1:5433 were not known after 3 s"):
        flow.throw(TimeoutError())


def test_a_caller_who_leads_reads_no_longer_than_its_deadline():
    """That says nothing to those who wait and have more time."""
    state, world = (
        state_at(N1, N2),
        World(NODES, faults=dict.fromkeys([N1, N2], "silent")),
    )
    with pytest.raises(DeadlineExceeded):
        ensure(world, state, request_for(timeout=3.0))
    assert world.now == NOW + 3.0
    assert state._flight.result(0) == Abandoned()


@pytest.mark.parametrize("outcome", [Abandoned(), Refused(DriverError(Fault("no")))])
def test_a_flight_that_failed_for_its_leaders_reasons_is_led_again(outcome):
    state = state_at(N1)
    theirs = state.claim(NOW, 300.0).flight
    flow = ensure_listed(state, REQUEST, NOW, Deadline.after(NOW, 10.0))
    assert flow.send(None) == Wait(theirs, 10.0)
    theirs.set_result(outcome)
    assert flow.send(outcome) == Now()
    assert flow.send(NOW + 1) == Now()  # the reading has begun
    assert flow.send(NOW + 1) == Connect(N1, 9.0, control=True)


def test_leading_again_ends_with_the_deadline():
    state = state_at(N1)
    state.claim(NOW, 300.0)
    flow = ensure_listed(state, REQUEST, NOW, Deadline.after(NOW, 10.0))
    flow.send(None)
    flow.send(Abandoned())
    with pytest.raises(DeadlineExceeded):
        flow.send(NOW + 10)


# Reading the list.


@pytest.mark.parametrize(
    ("contacts", "faults", "order"),
    [
        ([N1], {}, [N1]),
        ([N1], {N1: "refused"}, [N1, N2]),
        ([N1], {N1: "57P03", N2: "silent"}, [N1, N2, N3]),
        ([N1], {N1: "mute"}, [N1, N2]),
        ([N3, N1], {N3: "refused", N1: "08006"}, [N3, N1, N2]),
        ([N1], {N1: "53300"}, [N1, N2]),
        ([None], {None: "refused"}, [None, N1]),
    ],
)
def test_contact_points_are_asked_then_known_nodes(contacts, faults, order):
    state, world = listed(*contacts, at=NOW - 300), World(NODES, faults=faults)
    ensure(world, state)
    assert asked(world) == order
    assert state.topology.listed_at == world.now


def test_servers_that_failed_lately_are_asked_last():
    state, world = listed(N1, N2, at=NOW - 300), World(NODES)
    state.apply(NodeFailed(N1, NOW, NOW + 5, "x"))
    ensure(world, state)
    assert asked(world) == [N2]


def test_control_connections_are_our_own_and_closed():
    state, world = state_at(N1), World(NODES)
    ensure(world, state)
    kinds = [type(step) for step in world.steps]
    assert [step.control for step in world.steps if isinstance(step, Connect)] == [True]
    assert kinds.index(Connect) < kinds.index(Fetch) < kinds.index(Close)
    assert world.open == []


def test_a_control_connection_is_closed_when_its_query_fails():
    state, world = listed(at=NOW - 300), World(NODES, faults={N1: "mute"})
    ensure(world, state)
    assert world.open == []


def test_all_servers_together_have_one_time_limit():
    state = listed(N1, at=NOW - 300)
    world = World(NODES, faults=dict.fromkeys((N1, N2, N3), "silent"))
    ensure(world, state)
    assert world.now - NOW == pytest.approx(REFRESH_LIMIT)


def test_servers_for_which_no_time_is_left_are_not_asked():
    contacts = nodes_at(*["c.r.a"] * 8)
    silent = {node.address: "silent" for node in contacts}
    state, world = state_at(*silent), World(faults=silent)
    with pytest.raises(NoNodeAvailable) as raised:
        ensure(world, state, request_for(timeout=30.0))
    assert len(raised.value.attempts) == len(asked(world)) == 5  # two seconds each
    assert world.now == NOW + REFRESH_LIMIT


def test_no_server_left_says_which_were_asked():
    state, world = state_at(N1, N2), World(faults={N1: "refused", N2: "57P03"})
    with pytest.raises(NoNodeAvailable) as raised:
        ensure(world, state)
    lines = str(raised.value).splitlines()
    assert "n1:5433,n2:5433 gave the list of its nodes" in lines[0]
    assert lines[1] == "  n1:5433: Connection refused (after 0.00 s)"
    assert lines[2].startswith("  n2:5433: FATAL:")
    assert [attempt.address for attempt in raised.value.attempts] == [N1, N2]


def test_a_failure_leaves_the_last_list_in_use():
    heard = []
    state = listed(at=NOW - 300)
    state.listen = lambda event, before: heard.append(event)
    world = World(faults=dict.fromkeys((N1, N2, N3), "refused"))
    ensure(world, state)
    assert state.topology.nodes == NODES
    assert state.topology.marks == {}, "only a user's connect marks a node"
    [event] = heard
    assert isinstance(event, RefreshFailed)
    assert "n1:5433: Connection refused" in event.reason


@pytest.mark.parametrize("state_of", ["28P01", "3D000", "22023", "42501"])
def test_the_callers_own_fault_is_raised_from_the_first_server(state_of):
    state, world = state_at(N1, N2), World(NODES, faults={N1: state_of})
    with pytest.raises(DriverError, match=state_of):
        ensure(world, state)
    assert asked(world) == [N1]
    assert state.topology.listed_at is None


def test_a_server_without_the_function_is_not_smart():
    state, world = state_at(N1), World(smart=False)
    ensure(world, state)
    assert (state.topology.smart, state.topology.nodes) == (False, ())
    assert world.open == []


def test_not_smart_is_no_failure():
    heard = []
    state = state_at(N1, heard=heard)
    ensure(World(smart=False), state)
    assert heard == [NotSmart(NOW)]
    assert state.claim(NOW + 1, 300.0).flight is None


# The flight lands whatever happens.


def landed(flow, flight, *answers):
    play(flow, *answers)
    return flight.result(0)


def test_a_flight_lands_when_the_list_makes_no_sense():
    state = state_at(N1)
    flight = state.claim(NOW, 300.0).flight
    rows = [{"not a node": 1}]
    flow = refresh(state, REQUEST, flight)
    outcome = landed(flow, flight, NOW, Conn(N1), rows, None, NOW, NOW)
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error, KeyError)


def test_a_flight_lands_when_its_leader_is_cancelled():
    state = state_at(N1)
    flight = state.claim(NOW, 300.0).flight
    flow = refresh(state, REQUEST, flight)
    flow.send(None)
    flow.close()
    assert flight.result(0) == Abandoned()


@pytest.mark.parametrize(
    ("faults", "kind"),
    [({}, Landed), ({N1: "refused"}, Unreachable), ({N1: "28P01"}, Refused)],
)
def test_outcomes(faults, kind):
    state, world = state_at(N1), World(NODES, faults=faults)
    flight = state.claim(NOW, 300.0).flight
    world.run(refresh(state, REQUEST, flight))
    assert isinstance(flight.result(0), kind)


def test_a_server_that_was_silent_is_asked_last_the_next_time():
    """Else one frozen contact point, the first, would cost every caller its time."""
    state, world = state_at(N1, N2), World(NODES, {N1: "mute"})
    with pytest.raises(DeadlineExceeded):
        ensure(world, state, request_for(timeout=1.0))
    world.steps.clear()
    ensure(world, state, request_for(timeout=1.0))
    assert asked(world) == [N2]


def test_a_short_time_is_enough_for_a_second_server():
    state, world = state_at(N1, N2, N3), World(NODES, {N1: "mute"})
    ensure(world, state, request_for(timeout=2.0))
    assert asked(world) == [N1, N2]
    assert world.now == NOW + 1.0


def test_a_server_that_answers_again_is_asked_in_its_turn():
    state, world = state_at(N1, N2), World(NODES, {N1: "refused"})
    ensure(world, state)
    assert state.silent == {N1}
    world.faults = {N2: "refused", N3: "refused"}
    for _ in range(2):
        deadline = Deadline.after(world.now, 60.0)
        world.run(read_list(state, REQUEST, world.now, deadline, force=True))
    assert state.silent == {N2, N3}
    assert asked(world)[-1] == N1


def test_a_server_that_refuses_is_not_silent():
    state, world = state_at(N1, N2), World(NODES, {N1: "57P03"})
    ensure(world, state)
    assert state.silent == set()


@pytest.mark.parametrize("state_of_it", ["57014", "42501", "XX000", "22023"])
def test_a_server_that_cannot_list_is_passed_over_for_the_next(state_of_it):
    """It let the caller in, so nothing is wrong with the caller."""
    conn, other = Conn(), Conn()
    state, flight = state_at(N1, N2), Future()
    broken = DriverError(Fault("no quorum", sqlstate=state_of_it))
    rows = [{"node": node} for node in NODES]
    script = [NOW, conn, broken, None, NOW, other, rows, None, NOW]
    play(refresh(state, REQUEST, flight), *script)
    assert flight.result(0) == Landed()
    assert state.topology.nodes == NODES


def test_no_server_that_can_list_is_an_error_with_the_reason_of_each():
    state, flight = state_at(N1), Future()
    broken = DriverError(Fault("no quorum", sqlstate="57014"))
    play(refresh(state, REQUEST, flight), NOW, Conn(), broken, None, NOW)
    (attempt,) = flight.result(0).attempts
    assert attempt.reason == "no quorum"

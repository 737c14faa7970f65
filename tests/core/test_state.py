from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future

import pytest

from moorline.core.events import (
    Listed,
    NodeFailed,
    NodeListed,
    NodeServed,
    NotSmart,
    RefreshFailed,
)
from moorline.core.flight import Landed
from moorline.core.placement import Tier, parse_keys, tiers_of
from moorline.core.state import FLIGHT_LIMIT, REFRESH_BACKOFF
from tests.core.scripted import DIALECT, Conn, nodes_at, state_at

NODES = nodes_at("c.r.a", "c.r.b", "c.s.a")
N1, N2, N3 = (node.address for node in NODES)
ANY = (Tier(),)
SURE = tiers_of(parse_keys("c.r.*"), strict=True)
INTERVAL = 300.0


def listed(at=0.0, **kwargs):
    state = state_at(**kwargs)
    state.apply(*map(NodeListed, NODES), Listed("u", at))
    return state


def reserve(state, tiers=ANY, tried=(), now=10.0):
    return state.reserve(tiers, tried, now)


# Places.


def test_places_go_to_the_least_loaded():
    state = listed()
    places = [reserve(state) for _ in range(7)]
    assert sorted(state.loads().values()) == [2, 2, 3]
    assert {place.node.address for place in places} == {N1, N2, N3}


def test_leaving_the_block_gives_the_place_back():
    state = listed()
    with reserve(state):
        assert sum(state.loads().values()) == 1
    with pytest.raises(LookupError), reserve(state):
        raise LookupError
    assert state.loads() == {}


def test_a_place_that_was_kept_is_the_connections():
    state = listed()
    with reserve(state) as place:
        conn = Conn()
        place.keep(conn, DIALECT.life)
    assert state.loads() == {place.node.address: 1}
    conn.close()
    assert state.loads() == {}


def test_a_place_says_its_tier_and_how_many_are_untried():
    state = listed()
    assert reserve(state, SURE).tier == SURE[0]
    assert reserve(state).untried == 3
    assert reserve(state, tried={N1, N2}).untried == 1


def test_there_is_no_place_when_all_were_tried():
    state = listed()
    assert reserve(state, tried={N1, N2, N3}) is None
    assert reserve(state, SURE, tried={N1, N2}) is None
    assert state.loads() == {}


def test_tiers_are_ranked_anew_when_nodes_change():
    state = listed()
    assert reserve(state, SURE, tried={N1, N2}) is None
    [_, _, _, n4] = nodes_at("c.r.a", "c.r.b", "c.s.a", "c.r.d")
    state.apply(NodeListed(n4))
    assert reserve(state, SURE, tried={N1, N2}).node == n4


def test_the_picker_may_be_replaced():
    state = listed()
    state.picker = lambda loads, dice: len(loads) - 1
    assert [reserve(state).node.address for _ in range(3)] == [N3] * 3


@pytest.mark.parametrize("pick", [lambda loads, dice: 3, lambda loads, dice: 1 / 0])
def test_a_picker_that_fails_holds_neither_place_nor_lock(pick):
    state = listed()
    state.picker = pick
    with pytest.raises((IndexError, ZeroDivisionError)):
        reserve(state)
    assert state.loads() == {}


def test_loads_is_a_copy():
    state = listed()
    state.loads()[N1] = 99
    assert state.loads() == {}


@pytest.mark.parametrize("end", ["released", "kept"])
def test_a_place_from_before_a_fork_breaks_no_count_of_the_child(end):
    """A forked child may end the flows that its parent was running."""
    state = listed()
    place = reserve(state)
    state.start_afresh()
    conn = Conn()
    with place:
        if end == "kept":
            place.keep(conn, DIALECT.life)
    conn.close()
    assert state.loads() == {}


def test_a_place_from_before_a_fork_takes_nothing_off_the_childs_count():
    state = listed()
    place = reserve(state, tried={N2, N3})
    state.start_afresh()
    reserve(state, tried={N2, N3})
    place.__exit__(None, None, None)
    assert state.loads() == {N1: 1}


def test_a_place_from_before_a_fork_does_not_wait_for_the_parents_lock():
    """A thread that the child does not have may hold it, for ever."""
    state = listed(lock=Guarded)
    place = reserve(state)
    state._lock.held = True
    state.start_afresh()
    with place:
        pass
    assert state.loads() == {}


# Facts.


def test_the_listener_hears_each_fact_after_it_happened_and_outside_the_lock():
    heard = []
    state = state_at()
    state.listen = lambda event, before: heard.append((event, before, state.loads()))
    before = state.topology
    facts = (NodeListed(NODES[0]), Listed("u", 1.0))
    state.apply(*facts)
    assert heard == [(fact, before, {}) for fact in facts]
    assert state.topology.listed_at == 1.0


def test_facts_applied_by_many_threads_are_all_kept():
    state = listed()

    def mark():
        for turn in range(200):
            state.apply(NodeFailed(N1, turn, turn + 5, "x"), NodeServed(N1))

    threads = [threading.Thread(target=mark) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.topology.marks == {}
    assert state.topology.nodes == NODES


def test_places_taken_by_many_threads_are_all_counted():
    state = listed()

    def dial():
        for _ in range(200):
            with reserve(state):
                pass
        kept.append(reserve(state))

    kept = []
    threads = [threading.Thread(target=dial) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.loads() == {N1: 2, N2: 2, N3: 2}


class Guarded(contextlib.AbstractContextManager):
    """A lock that would wait for its own thread for ever, and says so instead."""

    def __init__(self):
        self.held = False

    def __enter__(self):
        assert not self.held, "this thread waits for itself"
        self.held = True

    def __exit__(self, *exc):
        self.held = False


def test_no_lock_is_held_while_listeners_run():
    state = listed(lock=Guarded)
    state.listen = lambda event, before: state.loads()
    state.apply(NodeServed(N1))
    state.not_listed(RefreshFailed("x"), 1.0)


# Discovery: who leads.


def test_one_leads_and_the_others_share_its_flight():
    state = state_at()
    first = state.claim(0.0, INTERVAL)
    second = state.claim(0.0, INTERVAL)
    assert (first.leads, second.leads) == (True, False)
    assert first.flight is second.flight


def test_only_one_of_many_threads_leads():
    state = state_at()
    start = threading.Barrier(8)
    claims = []

    def claim():
        start.wait()
        claims.append(state.claim(0.0, INTERVAL))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim.leads for claim in claims) == 1
    assert len({id(claim.flight) for claim in claims}) == 1


@pytest.mark.parametrize(
    ("interval", "now", "due"),
    [(300, 399.9, False), (300, 400.0, True), (0, 100.0, True), (600, 699, False)],
)
def test_the_list_is_read_again_after_the_interval(interval, now, due):
    claim = listed(at=100.0).claim(now, interval)
    assert (claim.leads, claim.flight is not None) == (due, due)


def test_a_server_that_cannot_list_is_asked_again_after_the_interval_too():
    state = state_at()
    state.apply(NotSmart(100.0))
    assert state.claim(399.0, INTERVAL).flight is None
    assert state.claim(400.0, INTERVAL).leads


def test_force_asks_for_a_fresh_list_but_joins_a_flight_under_way():
    state = listed(at=100.0)
    assert state.claim(101.0, INTERVAL, force=True).leads
    assert not state.claim(101.0, INTERVAL, force=True).leads


def test_who_comes_after_a_flight_has_landed_leads_the_next():
    state = state_at()
    first = state.claim(0.0, INTERVAL)
    first.flight.set_result(Landed())
    second = state.claim(0.0, INTERVAL)
    assert second.leads
    assert second.flight is not first.flight


def test_a_flight_that_is_too_long_up_is_lost():
    state = state_at()
    first = state.claim(0.0, INTERVAL)
    assert state.claim(FLIGHT_LIMIT - 0.1, INTERVAL).flight is first.flight
    again = state.claim(FLIGHT_LIMIT, INTERVAL)
    assert again.leads
    assert again.flight is not first.flight


def test_after_a_failure_the_next_is_due_after_a_back_off_that_grows():
    heard = []
    state = listed(at=0.0, heard=heard)
    state.dice = lambda: 0.0
    now = INTERVAL
    pauses = []
    for failures in range(1, 10):
        assert state.claim(now, INTERVAL).leads
        state.claim(now, INTERVAL).flight.set_result(Landed())
        state.not_listed(RefreshFailed("x"), now)
        pause = REFRESH_BACKOFF.delay(failures, 0.0)
        assert state.claim(now + pause - 0.01, INTERVAL).flight is None
        pauses.append(pause)
        now += pause
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60.0
    assert heard[-9:] == [RefreshFailed("x")] * 9


def test_a_back_off_does_not_hold_up_the_first_list_nor_force():
    state = state_at()
    state.not_listed(RefreshFailed("x"), 0.0)
    assert state.claim(0.0, INTERVAL).leads
    state = listed(at=0.0)
    state.not_listed(RefreshFailed("x"), INTERVAL)
    assert state.claim(INTERVAL, INTERVAL, force=True).leads


def test_a_success_ends_the_back_off():
    state = listed(at=0.0)
    state.dice = lambda: 0.0
    for _ in range(5):
        state.not_listed(RefreshFailed("x"), INTERVAL)
    state.listed()
    assert state.claim(INTERVAL, INTERVAL).leads
    state.not_listed(RefreshFailed("x"), INTERVAL)
    assert state.claim(INTERVAL + 1.0, INTERVAL).flight is not None


# A forked child.


def test_a_child_starts_with_its_own_lock_counts_and_flights():
    locks = []

    def new_lock():
        locks.append(threading.Lock())
        return locks[-1]

    state = listed(lock=new_lock)
    conn = Conn()
    with reserve(state) as place:
        place.keep(conn, DIALECT.life)
    first = state.claim(INTERVAL, INTERVAL)
    state.not_listed(RefreshFailed("x"), INTERVAL)
    locks[0].acquire()  # by a thread that the child does not have
    state.start_afresh()
    assert state.loads() == {}
    claim = state.claim(INTERVAL, INTERVAL)
    assert claim.leads
    assert isinstance(claim.flight, Future)
    assert claim.flight is not first.flight
    assert state.topology.nodes == NODES


def test_a_thorough_look_is_taken_once_a_second_and_by_who_asks():
    state = listed()
    conn = Conn()
    place = reserve(state, now=10.0)
    place.keep(conn, DIALECT.life)
    conn.hung_up = True
    with reserve(state, now=10.9):
        assert state.load.counts[place.node.address] >= 1
    with reserve(state, now=11.0) as other:
        assert state.load.counts == {other.node.address: 1}


def test_one_caller_at_a_time_tries_a_node_again():
    state = listed()
    state.apply(NodeFailed(N1, 5.0, 10.0, "refused"))
    only = tiers_of(parse_keys("c.r.a:1,c.r.b:2"), strict=True)
    assert reserve(state, only, now=10.0).node.address == N1
    assert reserve(state, only, now=10.1).node.address == N2
    assert reserve(state, only, now=15.0).node.address == N1  # who tried did not say
    state.apply(NodeServed(N1))
    assert reserve(state, only, now=15.1).node.address == N1

from __future__ import annotations

import gc

import pytest

from moorline.core.address import Address
from moorline.core.load import Life, Load
from tests.core.scripted import DIALECT, Conn

A, B = Address("a", 5433), Address("b", 5433)


def connect(load, address):
    conn = Conn(address)
    load.reserve(address)
    load.keep(address, conn, DIALECT.life)
    return conn


def test_a_reservation_counts_until_it_is_released():
    load = Load()
    load.reserve(A)
    load.reserve(A)
    load.reserve(B)
    assert load.sweep() == {A: 2, B: 1}
    load.release(A)
    assert load.sweep() == {A: 1, B: 1}


def test_a_node_without_connections_is_not_listed():
    load = Load()
    load.reserve(A)
    load.release(A)
    assert load.sweep() == {}


def test_a_connection_takes_the_place_of_its_reservation():
    load = Load()
    conn = connect(load, A)
    assert load.sweep() == {A: 1}
    assert not conn.closed


@pytest.mark.parametrize("end", ["closed", "collected", "collected in a cycle"])
def test_a_connection_that_ends_leaves_the_count_by_itself(end):
    load = Load()
    others = [connect(load, A), connect(load, B)]
    conn = connect(load, A)
    match end:
        case "closed":
            conn.close()
        case "collected in a cycle":
            conn.itself = conn
    if end != "closed":
        del conn
        gc.collect()
    assert load.sweep() == {A: 1, B: 1}
    assert load.sweep() == {A: 1, B: 1}, "it is counted off only once"
    assert len(others) == 2


def test_load_keeps_no_connection_alive():
    load = Load()
    connect(load, A)
    gc.collect()
    assert load.sweep() == {}


def test_a_driver_says_itself_what_closed_means():
    load = Load()
    broken = Conn(A)
    load.reserve(A)
    load.keep(A, broken, Life(lambda conn: conn is broken, bool))
    assert load.sweep() == {}


def test_many_that_end_at_once_are_counted_off_in_one_sweep():
    load = Load()
    conns = [connect(load, address) for address in (A, B, A, A, B)]
    for conn in conns[::2]:
        conn.close()
    assert load.sweep() == {A: 1, B: 1}


def test_a_load_that_is_inherited_goes_on_in_its_heir():
    old, heir = Load(), Load()
    kept, other = connect(old, A), connect(heir, A)
    old.reserve(B)
    old.reserve(B)
    heir.inherit(old)
    assert heir.sweep() == {A: 2, B: 2}
    assert old.sweep() == {}

    old.give_back(B)
    late = Conn(B)
    old.keep(B, late, DIALECT.life)
    assert heir.sweep() == {A: 2, B: 1}
    for conn in (kept, other, late):
        conn.close()
    assert heir.sweep() == {}


def test_the_connections_to_some_nodes_can_be_had():
    load = Load()
    one, two, other = connect(load, A), connect(load, A), connect(load, B)
    two.close()
    assert load.on({A}) == [one]
    assert load.on(()) == []
    del one
    gc.collect()
    assert load.on({A, B}) == [other]


def test_what_the_server_hung_up_on_leaves_the_count_at_a_thorough_look():
    load = Load()
    one, other = connect(load, A), connect(load, A)
    one.hung_up = True
    assert load.sweep() == {A: 2}
    assert load.sweep(thorough=True) == {A: 1}
    one.close()
    assert load.sweep() == {A: 1}
    other.close()
    assert load.sweep() == {}

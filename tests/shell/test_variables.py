from __future__ import annotations

import time

import pytest

from moorline.shell.variables import Variables

NAMES = ("MOORLINE_TEST_A", "MOORLINE_TEST_B")
A, B = NAMES


@pytest.fixture
def clock(monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def variables(clock):
    return Variables(NAMES)


def test_those_that_are_set_are_read_each_time_in_their_order(variables, monkeypatch):
    assert variables.read() == ()
    monkeypatch.setenv(B, "b")
    monkeypatch.setenv(A, "a")
    assert variables.read() == ((A, "a"), (B, "b"))
    monkeypatch.setenv(A, "other")
    assert variables.read() == ((A, "other"), (B, "b"))
    monkeypatch.setenv(A, "")
    assert variables.read() == ((B, "b"),)


def test_nothing_is_looked_for_while_nothing_changes(variables):
    for _ in range(3):
        variables.read()
    assert variables.looks == 1


def test_one_that_takes_anothers_place_is_seen_after_a_second(
    variables, clock, monkeypatch
):
    monkeypatch.setenv("MOORLINE_TEST_C", "c")
    assert variables.read() == ()
    monkeypatch.delenv("MOORLINE_TEST_C")
    monkeypatch.setenv(A, "a")
    assert variables.read() == ()
    clock[0] += 1
    assert variables.read() == ((A, "a"),)

"""How long connections are used: decided by a clock that is set by hand."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest

from moorline.dsql import lifetime
from moorline.dsql.lifetime import LONGEST, Age, Retirement, checked
from moorline.errors import ConfigError


class Source:
    """What holds a token ready for as long as somebody may need it."""

    def __init__(self):
        self.holders = set()


class Conn:
    def __init__(self, opened_at, dice=0.0):
        self.age = Age(opened_at, dice, Source())


class Alarm:
    """Notes when it is to ring, and whether it was cancelled."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.is_cancelled = False

    def cancel(self):
        self.is_cancelled = True


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(lifetime, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def alarms():
    return []


@pytest.fixture
def retirement(clock, alarms):
    def wake_in(seconds):
        alarms.append(Alarm(seconds))
        return alarms[-1]

    return Retirement(LONGEST, wake_in)


@pytest.mark.parametrize(("dice", "minutes"), [(0.0, 55), (0.5, 50), (1.0, 45)])
def test_connections_live_for_45_to_55_minutes(dice, minutes):
    assert Age(0.0, dice, Source()).due_at(LONGEST) == pytest.approx(minutes * 60)


@pytest.mark.parametrize("seconds", [0.1, 1, 600, 3300])
def test_a_lifetime_within_the_services(seconds):
    assert checked(seconds) == seconds


@pytest.mark.parametrize("seconds", [0, -1, 3300.1, 3600, float("nan"), float("inf")])
def test_a_lifetime_beyond_it(seconds):
    with pytest.raises(
        ConfigError, match=r"max_lifetime=.*: write seconds, up to 3300"
    ):
        checked(seconds)


def test_the_first_that_is_due_sets_the_alarm(retirement, alarms):
    old, older = Conn(900.0), Conn(800.0)
    retirement.add(old)
    retirement.add(older)
    retirement.add(Conn(950.0))

    first, second = alarms
    assert (first.seconds, first.is_cancelled) == (LONGEST - 100, True)
    assert (second.seconds, second.is_cancelled) == (LONGEST - 200, False)


def test_after_it_rang_it_is_set_for_the_next(retirement, alarms, clock):
    old, older = Conn(900.0), Conn(800.0)
    retirement.add(older)
    retirement.add(old)
    clock.now = 800.0 + LONGEST
    assert retirement.is_due(older)
    assert not retirement.is_due(old)

    retirement.woken()

    assert [alarm.seconds for alarm in alarms] == [LONGEST - 200, 100.0]


def test_those_that_are_gone_wake_nobody(retirement, alarms, clock):
    conn = Conn(900.0)
    retirement.add(conn)
    del conn
    gc.collect()

    retirement.woken()

    assert len(alarms) == 1


def test_one_that_is_due_and_in_use_does_not_wake_again_and_again(
    retirement, alarms, clock
):
    busy = Conn(900.0)
    retirement.add(busy)
    clock.now += LONGEST

    for _ in range(3):
        retirement.woken()

    assert len(alarms) == 1


def test_one_that_was_stopped_sets_no_alarm(retirement, alarms):
    retirement.add(Conn(900.0))
    retirement.stop()

    retirement.woken()
    late = Conn(100.0)
    retirement.add(late)

    assert [alarm.is_cancelled for alarm in alarms] == [True]


def test_a_connection_holds_its_token_ready(retirement):
    conn = Conn(900.0)
    retirement.add(conn)

    assert conn in conn.age.source.holders

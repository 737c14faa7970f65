from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moorline.lab import dsql_armed
from moorline.lab.dsql_armed import Armed


def taken(armed, moment, count=4, text=""):
    return [armed.take(moment, text) for _ in range(count)]


def test_faults_happen_in_the_order_of_arming_and_at_their_moment():
    armed = Armed()
    armed.add("commit", "one", 2)
    armed.add("commit", "two", 1)
    armed.add("login", "three", 1)
    armed.add("login", "none", 0)
    assert taken(armed, "commit") == ["one", "one", "two", None]
    assert taken(armed, "login") == ["three", None, None, None]


def test_a_fault_without_end_lasts_until_it_is_reset():
    armed = Armed()
    armed.add("tls", "refuse", None)
    armed.clock_skew, armed.longest = 5.0, 1.0
    armed.limit_rate(0, 0)
    assert taken(armed, "tls") == ["refuse"] * 4
    assert armed.is_too_fast()
    armed.reset()
    assert taken(armed, "tls", 1) == [None]
    assert (armed.clock_skew, armed.longest, armed.is_too_fast()) == (0.0, None, False)


def test_a_fault_may_wait_for_a_text():
    armed = Armed()
    armed.add("statement", "one", 1, "update")
    armed.add("statement", "two", 1)
    assert armed.take("statement", "select 1") == "two"
    assert armed.take("statement", "select 2") is None
    assert armed.take("statement", "update t") == "one"


def test_what_is_given_back_comes_next():
    armed = Armed()
    armed.add("commit", "one", 1)
    armed.add("commit", "two", 1)
    armed.give_back("commit", armed.take("commit"))
    assert taken(armed, "commit", 3) == ["one", "two", None]


def test_a_bucket_of_logins(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(dsql_armed, "time", clock)
    armed = Armed()
    assert not armed.is_too_fast()
    armed.limit_rate(2, 3)
    assert [armed.is_too_fast() for _ in range(4)] == [False, False, False, True]
    clock.now += 0.5
    assert [armed.is_too_fast() for _ in range(2)] == [False, True]
    clock.now += 60
    assert [armed.is_too_fast() for _ in range(4)] == [False, False, False, True]


def test_the_clock_of_the_cluster():
    armed = Armed()
    armed.clock_skew = -3600
    assert abs(armed.now() - datetime.now(UTC) + timedelta(hours=1)) < timedelta(
        seconds=5
    )

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.retry import RetryPolicy
from moorline.errors import ConfigError


def test_the_default_suits_a_service_with_conflicts():
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.deadline) == (100, 30.0)
    assert policy.delay(1, 0.0) == 0.010
    assert policy.delay(2, 0.5) == 0.010
    assert policy.delay(50, 0.0) == 2.0


def test_the_seeds_values_are_taken_as_they_are():
    policy = RetryPolicy.seed()
    assert policy == RetryPolicy(
        max_attempts=3,
        base_delay_ms=1,
        max_delay_ms=100,
        jitter_factor=0.25,
        deadline=None,
    )
    delays = {policy.delay(1, dice / 100) for dice in range(100)}
    assert len(delays) == 100  # no two callers wait alike
    assert 0.00075 < min(delays) <= max(delays) == 0.001


@given(
    st.builds(
        RetryPolicy,
        base_delay_ms=st.floats(0.001, 1000.0),
        max_delay_ms=st.floats(1000.0, 1e6),
        jitter_factor=st.floats(0.0, 1.0),
    ),
    st.integers(1, 100),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_delay_exceeds_the_cap_or_is_negative(policy, failures, dice):
    assert 0.0 <= policy.delay(failures, dice) <= policy.max_delay_ms / 1000.0


@given(st.integers(1, 20), st.floats(0.0, 1.0, exclude_max=True))
def test_delays_grow(failures, dice):
    policy = RetryPolicy(max_delay_ms=1e9)
    assert policy.delay(failures, dice) <= policy.delay(failures + 1, dice)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"max_attempts": 0}, "max_attempts=0: write 1 to 100"),
        ({"max_attempts": 101}, "max_attempts=101: write 1 to 100"),
        ({"max_attempts": True}, "max_attempts=True: write a whole number"),
        ({"max_attempts": 2.0}, "write a whole number"),
        ({"max_attempts": None}, "write a whole number"),
        ({"base_delay_ms": 0}, "base_delay_ms=0: write milliseconds, more than 0"),
        ({"base_delay_ms": -1}, "more than 0"),
        ({"base_delay_ms": nan}, "more than 0"),
        ({"base_delay_ms": True}, "more than 0"),
        ({"base_delay_ms": "1"}, "more than 0"),
        ({"max_delay_ms": inf}, "more than 0"),
        ({"base_delay_ms": 500, "max_delay_ms": 100}, "less than base_delay_ms=500"),
        ({"base_delay_ms": 5000}, "less than base_delay_ms=5000"),
        ({"jitter_factor": -0.1}, "jitter_factor=-0.1: write 0 to 1"),
        ({"jitter_factor": 1.1}, "write 0 to 1"),
        ({"jitter_factor": nan}, "write 0 to 1"),
        ({"jitter_factor": False}, "write 0 to 1"),
        ({"deadline": 0}, "deadline=0: write seconds, or None"),
        ({"deadline": nan}, "write seconds, or None"),
    ],
)
def test_what_makes_no_sense_is_refused(values, text):
    with pytest.raises(ConfigError) as raised:
        RetryPolicy(**values)
    assert text in str(raised.value)

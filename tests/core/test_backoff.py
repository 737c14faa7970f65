from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.backoff import Backoff

backoffs = st.builds(
    Backoff,
    base=st.floats(0.001, 60),
    cap=st.floats(0.001, 600),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 1),
)
failures = st.integers(1, 10_000)
dice = st.floats(0, 1, exclude_max=True)


@given(backoffs, failures, dice)
def test_a_delay_is_between_zero_and_the_cap(backoff, failures, dice):
    assert 0 <= backoff.delay(failures, dice) <= backoff.cap


@given(backoffs, failures, dice)
def test_delays_grow_until_the_cap(backoff, failures, dice):
    assert backoff.delay(failures, dice) <= backoff.delay(failures + 1, dice)


@given(backoffs, failures, dice)
def test_jitter_takes_away_its_share_at_most(backoff, failures, dice):
    certain = backoff.delay(failures, 0.0)
    least = certain * (1 - backoff.jitter)
    assert least - 1e-9 <= backoff.delay(failures, dice) <= certain


@pytest.mark.parametrize(
    ("failures", "delay"), [(1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0)]
)
def test_without_luck_a_delay_doubles(failures, delay):
    assert Backoff(base=1.0, cap=60.0).delay(failures, 0.0) == delay

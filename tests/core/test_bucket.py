from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.bucket import Rate, TokenBucket


def test_a_burst_goes_at_once_and_the_rest_in_line():
    bucket = TokenBucket(Rate(10.0, 3.0))
    waits = [bucket.take(100.0) for _ in range(6)]
    assert waits == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2, 0.3])


def test_what_was_taken_is_made_up_for_in_time():
    bucket = TokenBucket(Rate(10.0, 3.0))
    for _ in range(3):
        bucket.take(100.0)
    assert bucket.take(100.05) == pytest.approx(0.05)
    assert [bucket.take(200.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_clock_that_goes_back_gives_nothing_away():
    bucket = TokenBucket(Rate(10.0, 1.0))
    bucket.take(100.0)
    assert bucket.take(99.0) == pytest.approx(1.1)


@given(
    st.lists(st.floats(0.0, 0.5), min_size=1, max_size=60),
    st.floats(1.0, 50.0),
    st.integers(1, 20),
)
def test_no_stretch_of_time_has_more_than_burst_and_rate(pauses, per_second, burst):
    bucket = TokenBucket(Rate(per_second, burst))
    now, turns = 0.0, []
    for pause in pauses:
        now += pause
        turns.append(now + bucket.take(now))
    for first, start in enumerate(turns):
        for last in range(first, len(turns)):
            count = last - first + 1
            allowed = burst + (turns[last] - start) * per_second
            assert count <= allowed + 1e-6

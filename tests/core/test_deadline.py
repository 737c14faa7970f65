from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.deadline import Deadline

seconds = st.floats(0, 1e6)


def test_without_a_limit_there_is_no_end():
    never = Deadline.after(5.0, None)
    assert not never.over(1e9)
    assert never.left(1e9) is None
    assert never.share(1e9, 3) is None


@pytest.mark.parametrize(
    ("now", "over", "left"),
    [
        (5.0, False, 10.0),
        (14.9, False, pytest.approx(0.1)),
        (15.0, True, 0.0),
        (99.0, True, 0.0),
    ],
)
def test_a_limit_ends(now, over, left):
    deadline = Deadline.after(5.0, 10.0)
    assert (deadline.over(now), deadline.left(now)) == (over, left)


@pytest.mark.parametrize(
    ("left", "candidates", "share"),
    [
        (30.0, 3, 10.0),
        (30.0, 1, 30.0),
        (10.0, 9, 2.0),  # two seconds at the least
        (1.5, 9, 1.5),  # but never more than what is left
        (9.0, 0, 9.0),  # nodes may be removed while others are tried
        (9.0, -2, 9.0),
        (0.0, 3, 0.0),
    ],
)
def test_a_share_is_even(left, candidates, share):
    assert Deadline(left, 2.0).share(0.0, candidates) == share


@given(
    left=seconds, now=seconds, candidates=st.integers(-3, 100), least=st.floats(0, 5)
)
def test_a_share_fits_into_what_is_left(left, now, candidates, least):
    deadline = Deadline(now + left, least)
    share = deadline.share(now, candidates)
    assert 0 <= share <= deadline.left(now)
    assert share >= min(least, deadline.left(now))


@pytest.mark.parametrize(
    ("timeout", "least"), [(10.0, 2.0), (4.0, 2.0), (3.0, 1.5), (2.0, 1.0), (1.0, 1.0)]
)
def test_shares_are_shorter_where_there_is_no_time_for_two(timeout, least):
    assert Deadline.after(5.0, timeout, 2.0).least == least
    assert Deadline.after(5.0, timeout, 1.0).least == 1.0


def test_the_earlier_deadline_has_the_lesser_share():
    late, soon = Deadline(100.0, 2.0), Deadline(50.0, 1.0)
    assert late.or_earlier(soon) == soon.or_earlier(late) == soon
    assert late.or_earlier(Deadline()) == late

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.picker import PICKERS, least_loaded, picker, uniform
from moorline.errors import ConfigError

loads = st.lists(st.integers(0, 50), min_size=1, max_size=12)
seeds = st.integers()


@given(loads, seeds)
def test_least_loaded_takes_one_with_the_least_load(loads, seed):
    index = least_loaded(loads, random.Random(seed).random)
    assert loads[index] == min(loads)


@given(loads, seeds)
def test_uniform_takes_one_of_the_candidates(loads, seed):
    assert uniform(loads, random.Random(seed).random) in range(len(loads))


@pytest.mark.parametrize(
    ("rule", "loads", "among"),
    [
        (least_loaded, [4, 2, 2, 9, 2], {1, 2, 4}),
        (least_loaded, [0, 0, 0, 0], {0, 1, 2, 3}),
        (uniform, [4, 2, 2, 9, 2], {0, 1, 2, 3, 4}),
    ],
)
def test_equals_get_equal_chances(rule, loads, among):
    dice = random.Random(17).random
    picks = Counter(rule(loads, dice) for _ in range(1000))
    assert picks.keys() == among
    fair = 1000 / len(among)
    assert all(abs(count - fair) < 0.2 * fair for count in picks.values())


@pytest.mark.parametrize("rule", PICKERS.values())
@pytest.mark.parametrize("dice", [0.0, 0.999_999_999_999_999_9])
def test_the_ends_of_the_dice_are_candidates(rule, dice):
    assert rule([1, 1, 1], lambda: dice) == (2 if dice else 0)


def test_a_picker_is_found_by_name_or_given_as_a_function():
    assert picker("least-loaded") is least_loaded
    assert picker("uniform") is uniform
    assert picker(max) is max


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(
        ConfigError, match=r"picker='best' is unknown: .*least-loaded, uniform"
    ):
        picker("best")

"""Columns of lists."""

from __future__ import annotations

from array import array
from struct import pack

import pytest

from moorline.questdb.arrays import Doubles
from moorline.questdb.frames.columns import BadValue, Numbers, Validity
from moorline.questdb.frames.lists import Lists


def offsets(*ends):
    return memoryview(array("i", ends))


def numbers(code, *values, valid=None):
    return Numbers(data=memoryview(array(code, values)), valid=valid)


@pytest.mark.parametrize("code", ["d", "f", "b", "Q"])
def test_lists_of_numbers_become_doubles(code):
    column = Lists(offsets=offsets(0, 2, 2, 3), items=numbers(code, 1, 2, 3))
    assert list(column.values(0, 3)) == [
        Doubles((2,), pack("<2d", 1, 2)),
        Doubles((0,), b""),
        Doubles((1,), pack("<d", 3)),
    ]
    assert list(column.values(2, 3)) == [Doubles((1,), pack("<d", 3))]


def test_lists_of_one_size_have_no_offsets():
    column = Lists(offsets=None, size=2, items=numbers("d", 1, 2, 3, 4), offset=1)
    assert list(column.values(0, 1)) == [Doubles((2,), pack("<2d", 3, 4))]


def test_lists_of_lists():
    inner = Lists(offsets=None, size=1, items=numbers("d", 1, 2, 3))
    column = Lists(offsets=offsets(0, 2, 2, 3), items=inner)
    assert column.depth == 2
    assert list(column.values(0, 3)) == [
        Doubles((2, 1), pack("<2d", 1, 2)),
        Doubles((0, 0), b""),
        Doubles((1, 1), pack("<d", 3)),
    ]


def test_a_null_in_a_list_is_nan_and_a_null_list_is_absent():
    valid = Validity(memoryview(b"\1\0"), bits=False)
    column = Lists(offsets=offsets(0, 2), items=numbers("d", 1, 2, valid=valid))
    (found,) = column.values(0, 1)
    assert found.data == pack("<2d", 1, float("nan"))
    column = Lists(offsets=offsets(0, 1, 2), items=numbers("d", 1, 2), valid=valid)
    assert list(column.values(0, 2))[1] is None


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (numbers("q", 2**53 + 1), "cannot be a double without losing digits"),
        (Lists(offsets=offsets(0, 1, 3), items=numbers("d", 1, 2, 3)), "of different"),
        (
            Lists(
                offsets=offsets(0, 1, 2),
                items=numbers("d", 1, 2),
                valid=Validity(memoryview(b"\2"), bits=True),
            ),
            "a list within it is null",
        ),
    ],
)
def test_lists_that_are_no_arrays_say_why(items, reason):
    count = 1 if isinstance(items, Numbers) else 2
    column = Lists(offsets=offsets(0, count), items=items)
    (found,) = column.values(0, 1)
    assert isinstance(found, BadValue)
    assert reason in found.reason

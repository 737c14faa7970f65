"""The layouts of columns, as Arrow's description has them."""

from __future__ import annotations

from array import array
from struct import pack

import pytest

from moorline.questdb.frames.columns import (
    NO_ENTRY,
    NO_UTF8,
    Bools,
    Coded,
    Decimals,
    Moments,
    Nothing,
    Numbers,
    Objects,
    Texts,
    Validity,
    Views,
    flat,
    is_absent,
)
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos

BITS = Validity(memoryview(bytes([0b10110101, 0b1])), bits=True)
BYTES = Validity(memoryview(bytes([1, 0, 1, 0, 1, 1, 0, 1, 1])), bits=False)
HAS = [True, False, True, False, True, True, False, True, True]


@pytest.mark.parametrize("valid", [BITS, BYTES])
def test_validity_is_bits_from_the_lowest_on_or_bytes(valid):
    assert [valid.has(at) for at in range(9)] == HAS


@pytest.mark.parametrize("valid", [BITS, BYTES])
@pytest.mark.parametrize("offset", [0, 3])
def test_values_begin_at_the_offset_and_so_does_what_is_valid(valid, offset):
    data = memoryview(array("i", range(9)))
    column = Numbers(data=data, offset=offset, valid=valid)
    expected = [at if HAS[at] else None for at in range(9)]
    assert list(column.values(0, 9 - offset)) == expected[offset:]
    assert list(column.values(1, 4)) == expected[offset + 1 : offset + 4]


def test_memory_is_read_as_elements_of_a_type():
    assert flat(array("d", [1.5]), "d").tolist() == [1.5]
    assert flat(pack("=2i", 1, -2), "i").tolist() == [1, -2]
    assert flat(b"", "q").tolist() == []


def test_truth_values():
    bits = Bools(data=memoryview(b"\x05"), bits=True)
    assert list(bits.values(0, 4)) == [True, False, True, False]
    whole = Bools(data=memoryview(b"\1\0"), bits=False)
    assert list(whole.values(0, 2)) == [True, False]


def test_moments():
    data = memoryview(array("q", [3, -(2**63)]))
    column = Moments(data=data, factor=1000, nanos=False, nat=True)
    assert list(column.values(0, 2)) == [TimestampMicros(3000), None]
    column = Moments(data=data, factor=1, nanos=True)
    assert list(column.values(0, 2)) == [TimestampNanos(3), TimestampNanos(-(2**63))]


def test_texts():
    offsets = memoryview(array("i", [0, 1, 1, 3, 4]))
    column = Texts(offsets=offsets, data=memoryview("aéx".encode()[:3] + b"\xff"))
    assert list(column.values(0, 4)) == ["a", "", "é", NO_UTF8]


def test_views_are_short_or_lie_elsewhere():
    short = pack("=i12s", 5, b"short")
    long = pack("=i4sii", 16, b"0123", 1, 2)
    column = Views(
        data=memoryview(short + long),
        buffers=(memoryview(b""), memoryview(b"--0123456789abcdef--")),
    )
    assert list(column.values(0, 2)) == ["short", "0123456789abcdef"]


def test_entries_of_a_dictionary():
    entries = Objects(data=["a", "b"])
    column = Coded(data=memoryview(array("b", [1, 0, -1, 2])), entries=entries, count=2)
    assert list(column.values(0, 4)) == ["b", "a", None, NO_ENTRY]


def test_decimals_are_exact():
    data = b"".join(n.to_bytes(16, "little", signed=True) for n in (-(10**37) - 1, 150))
    column = Decimals(data=memoryview(data), width=16, scale=2)
    assert [str(value) for value in column.values(0, 2)] == [
        "-100000000000000000000000000000000000.01",
        "1.50",
    ]


def test_nothing_and_what_is_absent():
    assert list(Nothing().values(0, 3)) == [None] * 3
    assert is_absent(type(None))
    assert not is_absent(str)
    objects = Objects(data=[1.5, float("nan")], nan=False)
    assert list(objects.values(0, 2)) == [1.5, None]

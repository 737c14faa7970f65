"""How each kind of value is written, in each protocol version."""

from __future__ import annotations

import struct
from array import array
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from uuid import uuid4

import pytest

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import (
    ServerTimestamp,
    TimestampMicros,
    TimestampNanos,
)
from tests.questdb.ilp import read

EAST = timezone(timedelta(hours=2))
INF, NAN = float("inf"), float("nan")


class Colour(StrEnum):
    RED = "r,d"


class Size(IntEnum):
    BIG = 7


class OldText(str, Enum):  # noqa: UP042 - many programs have such
    A = "a"


class Plain(Enum):
    A = "a"


class Text(str):
    __slots__ = ()


class Moment(datetime):
    pass


def written(value, version=2, *, strict=False):
    """Return what stands behind the name of a column."""
    buffer = Buffer(protocol_version=version, strict=strict)
    buffer.row("t", columns={"x": value}, at=None)
    return bytes(buffer).removeprefix(b"t x=").removesuffix(b"\n")


def understood(value, version=3):
    """Return a column as a reader has it."""
    buffer = Buffer(protocol_version=version)
    buffer.row("t", columns={"x": value}, at=None)
    ((_, _, ((_, found),), _),) = read(bytes(buffer), version)
    return found


def end_of(at, version=2, *, strict=False):
    """Return what stands behind the columns."""
    buffer = Buffer(protocol_version=version, strict=strict)
    buffer.row("t", columns={"x": True}, at=at)
    return bytes(buffer).removeprefix(b"t x=t")


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, b"t"),
        (False, b"f"),
        (0, b"0i"),
        (-(2**63), b"-9223372036854775808i"),
        (2**63 - 1, b"9223372036854775807i"),
        ("", b'""'),
        ("a b,c=d", b'"a b,c=d"'),
        ('"\\\n\r', b'"\\"\\\\\\\n\\\r"'),
        ("\r", b'"\\\r"'),
        ("\n", b'"\\\n"'),
        ("\\", b'"\\\\"'),
        ('"', b'"\\""'),
        ("\0\t\u2028é€😀", '"\0\t\u2028é€😀"'.encode()),
        (Colour.RED, b'"r,d"'),
        (OldText.A, b'"a"'),
        (Text("x"), b'"x"'),
        (Size.BIG, b"7i"),
        (TimestampMicros(-5), b"-5t"),
        (datetime(1970, 1, 1, 0, 0, 1, 7, tzinfo=UTC), b"1000007t"),
        (datetime(1970, 1, 1, 2, tzinfo=EAST), b"0t"),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), b"-1t"),
        (Moment(1970, 1, 2, tzinfo=UTC), b"86400000000t"),
        (date(1970, 1, 2), b"86400000000t"),
        (date(1969, 12, 31), b"-86400000000t"),
    ],
)
def test_values_that_every_version_writes_alike(value, expected, version):
    assert written(value, version) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, b"0.0"),
        (-0.0, b"-0.0"),
        (1e15, b"1000000000000000.0"),
        (1e16, b"1e16"),
        (1.5e300, b"1.5e300"),
        (0.0001, b"0.0001"),
        (0.00001, b"0.00001"),
        (-0.000015, b"-0.000015"),
        (0.00000123, b"1.23e-6"),
        (5e-324, b"5e-324"),
        (NAN, b"NaN"),
        (INF, b"Infinity"),
        (-INF, b"-Infinity"),
    ],
)
def test_doubles_of_version_1_are_the_shortest_text(value, expected):
    assert written(value, 1) == expected


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("value", [0.0, -0.0, 1e16, 5e-324, INF, NAN])
def test_doubles_are_binary_from_version_2_on(value, version):
    assert written(value, version) == b"=\x10" + struct.pack("<d", value)


@pytest.mark.parametrize(
    ("value", "in_version_1", "later"),
    [
        (1999, b"1t", b"1999n"),
        (-1999, b"-1t", b"-1999n"),
        (-(2**63), b"-9223372036854775t", b"-9223372036854775808n"),
    ],
)
def test_nanoseconds_are_cut_in_version_1_alone(value, in_version_1, later):
    assert written(TimestampNanos(value), 1) == in_version_1
    assert written(TimestampNanos(value), 2) == later
    assert written(TimestampNanos(value), 3) == later


@pytest.mark.parametrize(
    ("value", "shape", "elements"),
    [
        ([], (0,), ()),
        ([1.5], (1,), (1.5,)),
        ((1, 2.5, Size.BIG), (3,), (1.0, 2.5, 7.0)),
        ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], (3, 2), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        ([[], []], (2, 0), ()),
        ([[[1.0]], ([2.0],)], (2, 1, 1), (1.0, 2.0)),
        (array("d", [1.5, -2.0]), (2,), (1.5, -2.0)),
        (array("f", [0.5]), (1,), (0.5,)),
        (array("q", [2**53, -(2**53)]), (2,), (2.0**53, -(2.0**53))),
        (array("B"), (0,), ()),
    ],
)
def test_arrays(value, shape, elements):
    assert understood(value) == ("arr", (shape, elements))


def test_an_array_of_many_dimensions():
    deep = 1.0
    for _ in range(32):
        deep = [deep]
    assert understood(deep) == ("arr", ((1,) * 32, (1.0,)))
    with pytest.raises(RowError, match="nested deeper than 32"):
        written([deep])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1.0, [2.0]], "of different lengths or depths"),
        ([[1.0], [2.0, 3.0]], "of different lengths or depths"),
        ([[1.0], 2.0], "of different lengths or depths"),
        ([True], "an element True"),
        ([None], "an element None"),
        (["a"], "an element 'a'"),
        ([2**53 + 1], "cannot be a double without losing digits"),
        ([10**400], "cannot be a double without losing digits"),
        (array("Q", [2**53 + 1]), "beyond ±2\\^53"),
        (array("u", "ab"), "write a str"),
    ],
)
def test_arrays_that_are_refused(value, said):
    with pytest.raises(RowError, match=said):
        written(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**63, "does not fit into 64 bits"),
        (-(2**63) - 1, "does not fit into 64 bits"),
        pytest.param(10**5000, "does not fit into 64 bits", id="very large"),
        (TimestampMicros(2**63), "does not fit into 64 bits"),
        ("a\ud800", r"character 1 is half of a surrogate pair \(U\+D800\)"),
        (b"abc", "is of type bytes: decode it"),
        (bytearray(b"abc"), "decode it"),
        (timedelta(1), "a whole number of some unit"),
        (time(1), "write a datetime"),
        (uuid4(), r"write str\(value\)"),
        (Plain.A, r"write its \.value"),
        (1j, "write its parts"),
        (Fraction(1, 2), "is of type Fraction: write bool, int, float"),
        (object(), "is of type object"),
        ({"a": 1}, "is of type dict"),
        (ServerTimestamp, "is of type ServerTimestampType"),
    ],
)
def test_values_that_are_refused(value, said):
    with pytest.raises(RowError, match="^table 't', column 'x': .*" + said):
        written(value)


def test_a_value_whose_repr_fails_is_refused_all_the_same():
    class Shy:
        def __repr__(self):
            raise OSError("no")

    with pytest.raises(RowError, match="is of type Shy"):
        written(Shy())


def test_arrays_need_version_2_and_decimals_version_3():
    with pytest.raises(
        RowError, match=r"an array .* protocol_version=1: use 2 .* 9\.0"
    ):
        written([1.0], 1)
    for version in (1, 2):
        with pytest.raises(RowError, match=r"a Decimal .* use 3 .* 9\.2"):
            written(Decimal(1), version)


@pytest.mark.parametrize(
    ("at", "in_version_1", "later"),
    [
        (None, b"\n", b"\n"),
        (ServerTimestamp, b"\n", b"\n"),
        (TimestampNanos(0), b" 0\n", b" 0n\n"),
        (TimestampMicros(7), b" 7000\n", b" 7t\n"),
        (
            TimestampNanos(9_214_646_399_999_999_999),
            b" 9214646399999999999\n",
            b" 9214646399999999999n\n",
        ),
        (datetime(1970, 1, 1, 0, 0, 0, 3, tzinfo=UTC), b" 3000\n", b" 3t\n"),
        (date(1970, 1, 2), b" 86400000000000\n", b" 86400000000t\n"),
    ],
)
def test_designated_timestamps(at, in_version_1, later):
    assert end_of(at, 1) == in_version_1
    assert end_of(at, 2) == later
    assert end_of(at, 3) == later


def test_microseconds_go_further_than_nanoseconds():
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert end_of(last) == b" 253402300799999999t\n"
    with pytest.raises(RowError, match="later than the server takes"):
        end_of(last, 1)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("at", "said"),
    [
        (TimestampNanos(-1), "before 1970"),
        (TimestampMicros(-1), "before 1970"),
        (datetime(1969, 12, 31, tzinfo=UTC), "before 1970"),
        (TimestampNanos(9_214_646_400_000_000_000), "later than the server takes"),
        (TimestampMicros(253_402_300_800_000_000), "later than the server takes"),
        (17, r"write TimestampNanos\(17\) or TimestampMicros\(17\)"),
        (Size.BIG, "has no unit"),
        (1.5, "at=1.5 is no timestamp"),
        ("now", "at='now' is no timestamp"),
        (True, "has no unit"),
    ],
)
def test_designated_timestamps_that_are_refused(at, said, version):
    with pytest.raises(RowError, match=said):
        end_of(at, version)


def test_a_datetime_without_a_timezone_is_taken_as_utc_with_a_warning():
    naive = datetime(1970, 1, 1, 0, 0, 1)  # noqa: DTZ001 - this is what is tested
    with pytest.warns(UserWarning, match="without a timezone is taken as UTC"):
        assert written(naive) == b"1000000t"
    with pytest.warns(UserWarning, match="without a timezone is taken as UTC"):
        assert end_of(naive) == b" 1000000t\n"


@pytest.mark.parametrize(
    "value",
    [
        *(NAN, INF, -INF),
        *([NAN], [[1.0], [-INF]], array("d", [INF])),
        -(2**63),
        *(TimestampNanos(-(2**63)), TimestampMicros(-(2**63))),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")),
    ],
)
def test_strict_refuses_what_the_server_stores_as_null(value):
    assert written(value, 3)
    with pytest.raises(RowError, match="NULL, and strict=True"):
        written(value, 3, strict=True)


def test_strict_refuses_doubles_that_are_no_number_in_version_1():
    with pytest.raises(RowError, match="the server stores nan as NULL"):
        written(NAN, 1, strict=True)
    assert written(1.5, 1, strict=True) == b"1.5"


def test_strict_refuses_to_cut_nanoseconds():
    with pytest.raises(RowError, match="has microseconds only"):
        written(TimestampNanos(1001), 1, strict=True)
    assert written(TimestampNanos(1000), 1, strict=True) == b"1t"
    assert written(TimestampNanos(1001), 2, strict=True) == b"1001n"


def test_strict_refuses_a_datetime_without_a_timezone():
    naive = datetime(2020, 1, 1)  # noqa: DTZ001 - this is what is tested
    with pytest.raises(RowError, match="has no timezone, and strict=True"):
        written(naive, strict=True)
    with pytest.raises(RowError, match="has no timezone, and strict=True"):
        end_of(naive, strict=True)


def test_symbols_are_texts():
    buffer = Buffer()
    symbols = {"a": "x y", "b": Colour.RED, "c": Text("t"), "d": "", "e": None}
    buffer.row("t", symbols=symbols, at=None)
    assert bytes(buffer) == b"t,a=x\\ y,b=r\\,d,c=t,d=\n"
    for value in (1, 1.5, True, b"x", object()):
        with pytest.raises(RowError, match=r"a symbol is text, write str\(value\)"):
            buffer.row("t", symbols={"a": value}, at=None)
    assert buffer.row_count == 1


def test_many_different_symbols_do_not_fill_the_memory():
    buffer = Buffer()
    for number in range(20_000):
        buffer.row("t", symbols={"a": f"v {number}", "b": "long " * 20}, at=None)
    assert len(buffer._encoding.texts) <= 8192
    assert "long " * 20 not in buffer._encoding.texts
    rows = read(bytes(buffer), 2)
    assert [row.symbols[0][1] for row in rows] == [f"v {n}" for n in range(20_000)]


def test_types_without_end_do_not_fill_the_memory():
    buffer = Buffer()
    for number in range(1000):
        kind = type(f"Int{number}", (int,), {})
        buffer.row("t", columns={"x": kind(number)}, at=None)
    assert len(buffer._encoding.columns) <= 512
    rows = read(bytes(buffer), 2)
    assert [row.columns[0][1][1] for row in rows] == list(range(1000))

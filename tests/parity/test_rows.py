"""The kernel and the original write the same bytes, and raise the same errors."""

from __future__ import annotations

import gc
import struct
import sys
import warnings
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

USES = 500  # of which each would lose a reference, if one is lost
KINDS = [
    "symbol",
    "any",
    "bool",
    "i64",
    "f64",
    "str",
    "ts",
    "dec",
    "arr",
    "ts_us",
    "ts_ns",
    "at",
    "at_us",
    "at_ns",
    "nonsense",
]
CALLS = ["column", *(f"column_{k}" for k in ("bool", "i64", "f64", "str", "ts", "dec"))]


class Text(str):
    """A subclass, which is not regular."""

    __slots__ = ()


class Colour(IntEnum):
    RED = 1


class Evil:
    """Nobody's value, whose repr fails as well."""

    def __repr__(self):
        raise OSError


class Moment:
    """A timestamp of either implementation."""

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def __repr__(self):
        return f"{self.kind}({self.value})"


def real(value, classes):
    if isinstance(value, Moment):
        return getattr(classes, value.kind)(value.value)
    return value


WHOLE = st.integers(-(2**63) - 2, 2**63 + 2) | st.integers(-2000, 2000)
BITS = st.binary(min_size=8, max_size=8).map(lambda b: struct.unpack("<d", b)[0])
ALPHABET = "ab, =\\\"\n\r'\t\0é\xff\u20ac\U0001f600\ud800"
TEXT = st.text(ALPHABET, max_size=10) | st.text(max_size=40)
MOMENT = st.builds(
    Moment, st.sampled_from(["TimestampMicros", "TimestampNanos"]), WHOLE
)
DATETIME = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
)
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    WHOLE,
    st.floats(),
    BITS,
    TEXT,
    MOMENT,
    DATETIME,
    st.dates(),
    st.decimals(),
    st.lists(st.floats(), max_size=3),
    TEXT.map(Text),
    st.sampled_from([Evil(), b"x", Colour.RED, 1j, 2**70, date(2020, 1, 1)]),
)
AT = st.one_of(
    st.none(),
    MOMENT,
    st.builds(
        Moment,
        st.just("TimestampNanos"),
        st.sampled_from([0, -1, 9_214_646_399_999_999_999, 9_214_646_400_000_000_000]),
    ),
    st.builds(
        Moment,
        st.just("TimestampMicros"),
        st.sampled_from(
            [
                253_402_300_799_999_999,
                253_402_300_800_000_000,
                9_214_646_399_999_999,
                9_214_646_400_000_000,
            ]
        ),
    ),
    DATETIME,
    st.just(5),
)
# Few, so that there are twins; and some that are not allowed.
NAME = st.sampled_from(
    ["a", "A", "b c", "é=1", "long_" * 9, "x|y", "d.e", "", "f?", "n" * 128, Text("a")]
)
TABLE = st.sampled_from(["t", "a b=1", "x.y", "таблица", "..", "", Text("t")])
SYMBOLS = st.none() | st.dictionaries(NAME, TEXT | st.none() | VALUE, max_size=3)
COLUMNS = st.none() | st.dictionaries(NAME, VALUE, max_size=4)
ROW = st.tuples(st.just("row"), TABLE, SYMBOLS, COLUMNS, AT)
PART = st.tuples(st.just("symbol"), NAME, TEXT | VALUE) | st.tuples(
    st.sampled_from(CALLS), NAME, VALUE
)
FLUENT = st.tuples(st.just("fluent"), TABLE, st.lists(PART, max_size=5), AT)


@st.composite
def tables(draw):
    kinds = draw(
        st.dictionaries(NAME, st.sampled_from(KINDS[:-1]), min_size=1, max_size=5)
    )
    if draw(st.integers(0, 9)) == 0:
        kinds["z"] = "nonsense"
    fitting = {
        "symbol": TEXT,
        "bool": st.booleans(),
        "i64": st.integers(-5, 5),
        "f64": st.floats(),
        "str": TEXT,
    }
    value = [
        fitting.get(kind, AT if "at" in kind else VALUE) for kind in kinds.values()
    ]
    odd = [VALUE | one for one in value]
    row = st.tuples(*value) | st.tuples(*odd) | st.lists(VALUE, max_size=5)
    return "rows", draw(TABLE), draw(st.lists(row, max_size=4)), kinds


STEP = st.one_of(
    ROW,
    FLUENT,
    tables(),
    st.tuples(st.sampled_from(["take", "give back", "clear", "cancel", "rewind"])),
)


def step(buffer, what, classes, kept):
    """Do one step, and return what a caller sees of it."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            _do(buffer, what, classes, kept)
        except Exception as error:  # noqa: BLE001 - whatever it is, both must raise it
            said = f"{type(error).__name__}: {error}"
        else:
            said = ""
    return said, bytes(buffer), len(buffer), buffer.row_count


def _do(buffer, what, classes, kept):  # noqa: C901 - one case for each step
    match what:
        case "row", table, symbols, columns, at:
            if columns is not None:
                columns = {k: real(v, classes) for k, v in columns.items()}
            if symbols is not None:
                symbols = {k: real(v, classes) for k, v in symbols.items()}
            buffer.row(table, symbols=symbols, columns=columns, at=real(at, classes))
        case "fluent", table, parts, at:
            buffer.table(table)
            for call, name, value in parts:
                getattr(buffer, call)(name, real(value, classes))
            buffer.at(real(at, classes))
        case "rows", table, rows, schema:
            rows = [type(row)(real(v, classes) for v in row) for row in rows]
            buffer.rows(table, iter(rows) if len(rows) == 1 else rows, schema)
        case ("take",):
            kept.append(buffer.take())
        case ("give back",) if kept:
            buffer.restore(*kept.pop())
        case ("clear",):
            buffer.clear()
        case ("cancel",):
            buffer.cancel_row()
        case ("rewind",):
            kept.append(buffer.take())
            mark = buffer.mark()
            buffer.restore(*kept.pop())
            buffer.rewind(mark)


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(STEP, max_size=6),
    version=st.sampled_from([1, 2, 3]),
    strict=st.booleans(),
    most=st.sampled_from([1024, 1040, 100_000_000]),
)
def test_any_steps(both, steps, version, strict, most):
    buffers = [
        one.Buffer(protocol_version=version, strict=strict, max_buf_size=most)
        for one in both
    ]
    kept = [], []
    for what in steps:
        seen = [
            step(buffer, what, classes, mine)
            for buffer, classes, mine in zip(buffers, both, kept, strict=True)
        ]
        assert seen[0] == seen[1]


@settings(max_examples=500, deadline=None)
@given(value=BITS | st.decimals(-(10**15), 10**15, places=6).map(float) | st.floats())
def test_doubles_of_any_bits(both, value):
    for version in (1, 2):
        written = {
            bytes(
                one.Buffer(protocol_version=version).row(
                    "t", columns={"x": value}, at=None
                )
            )
            for one in both
        }
        assert len(written) == 1


@pytest.mark.parametrize("power", range(-30, 40))
def test_doubles_of_any_size(both, power):
    for value in (1.0, -1.5, 123456789.0, 0.1, 9.999999999999999):
        written = {
            bytes(
                one.Buffer(protocol_version=1).row(
                    "t", columns={"x": value * 10.0**power}, at=None
                )
            )
            for one in both
        }
        assert len(written) == 1


@given(value=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 63).map(lambda n: 2**n))
def test_whole_numbers_of_any_length(both, value):
    for number in (value, -value, value - 1, 10 ** (abs(value) % 19)):
        if -(2**63) <= number < 2**63:
            for one in both:
                buffer = one.Buffer().row("t", columns={"x": number}, at=None)
                assert bytes(buffer) == b"t x=%di\n" % number


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_datetimes_of_any_year(both, moment):
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for one in both:
        buffer = one.Buffer().row("t", columns={"x": moment}, at=None)
        assert bytes(buffer) == b"t x=%dt\n" % micros


def test_values_that_change_the_row_they_are_in(both):
    class Treacherous:
        def __init__(self, columns):
            self.columns = columns

        @property
        def __class__(self):
            self.columns.pop("b", None)
            return float

    for one in both:
        buffer = one.Buffer()
        for _ in range(100):
            columns = {}
            columns |= {"a": Treacherous(columns), "b": "x" * 5, "c": 1.5}
            with pytest.raises(Exception, match=r"write bool|changed size"):
                buffer.row("t", columns=columns, at=None)
        assert bytes(buffer) == b""


def test_no_reference_is_kept_or_lost(both):
    names = [f"name{n}".upper() for n in range(4)]
    values = ["text" * 3, 1.5, 10**12, Decimal("1.5"), b"bad", "\ud800 bad"]
    schema = {names[0]: "symbol", names[1]: "f64", names[2]: "i64", names[3]: "dec"}
    for one in both:
        at = one.TimestampNanos(10**18)

        def use(one=one, at=at):
            buffer = one.Buffer(protocol_version=3)
            for value in values:
                for columns in ({names[1]: value}, {names[1]: 1, names[2]: value}):
                    try:
                        buffer.row("t", symbols={names[0]: "x"}, columns=columns, at=at)
                        buffer.table("t").symbol(names[0], "y")
                        buffer.column(names[1], value).column(names[2], value).at(at)
                        buffer.table("t").symbol(names[0], "y").column(names[1], value)
                        buffer.column(names[1], value)
                    except ValueError:
                        buffer.cancel_row()
            for row in (values[:4], tuple(values[:4]), values[:3], values[2:]):
                try:
                    buffer.rows("t", [row], schema)
                except ValueError:
                    buffer.clear()
            buffer.restore(*buffer.take())
            buffer.begin("t", len).column(names[0], 1).at(at)

        def counts(at=at):
            gc.collect()
            return [sys.getrefcount(x) for x in (*names, *values, at, None)]

        use()
        before = counts()
        for _ in range(USES):
            use()
        # What is lost once in each turn is lost so often; other threads have some, too.
        changes = [b - a for a, b in zip(before, counts(), strict=True)]
        assert max(map(abs, changes)) < USES * 2 // 5

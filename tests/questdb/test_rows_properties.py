"""Any rows: read back as they were given, by any way of writing them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos
from tests.questdb.ilp import Row, read

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12)
SYMBOL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAME = st.text("abXYé_ =;|", min_size=1, max_size=6)
MOMENT = st.datetimes(timezones=st.just(UTC))
VALUE = st.one_of(
    st.booleans(),
    INT64,
    st.floats(),
    TEXT,
    MOMENT,
    st.builds(TimestampMicros, INT64),
    st.builds(TimestampNanos, INT64),
    st.none(),
)
# From the protocol version that has them on.
LATER = {
    2: st.lists(st.floats(), max_size=4),
    3: st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**20),
}
AT = st.one_of(
    st.none(),
    st.builds(TimestampNanos, st.integers(0, 9_214_646_399_999_999_999)),
    st.builds(TimestampMicros, st.integers(0, 9_214_646_399_999_999)),
    st.datetimes(min_value=EPOCH.replace(tzinfo=None), timezones=st.just(UTC)).filter(
        lambda moment: moment.year < 2262
    ),
)
MEANT = {
    bool: ("bool", bool),
    int: ("i64", int),
    float: ("f64", lambda value: struct.pack("<d", value)),
    str: ("str", str),
    datetime: ("us", lambda value: (value - EPOCH) // timedelta(microseconds=1)),
    TimestampMicros: ("us", lambda value: value.value),
    TimestampNanos: ("ns", lambda value: value.value),
    Decimal: ("dec", Decimal),
}
# What is refused, at any place of a row.
BAD = st.sampled_from([b"", object(), 2**63, "\ud800", 1j, timedelta(1)])


@st.composite
def rows(draw, version):
    values = [VALUE, *(what for since, what in LATER.items() if version >= since)]
    names = draw(st.lists(NAME, min_size=1, max_size=6, unique=True))
    cut = draw(st.integers(0, len(names)))
    symbols = {name: draw(st.none() | SYMBOL) for name in names[:cut]}
    columns = {name: draw(st.one_of(values)) for name in names[cut:]}
    return draw(st.sampled_from(["t", "a b", "x.y", "é=1"])), symbols, columns, draw(AT)


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def toward_zero(nanos):
    return nanos // 1000 if nanos >= 0 else -(-nanos // 1000)


def meant(value, version):
    """Return what a reader must find."""
    if isinstance(value, TimestampNanos) and version == 1:
        return "us", toward_zero(value.value)
    if isinstance(value, list):
        return "arr", ((len(value),), struct.pack(f"<{len(value)}d", *value))
    kind, of = MEANT[type(value)]
    return kind, of(value)


def found(kind, value):
    """Return what was read, in a form that can be compared: NaN is not itself."""
    match kind:
        case "f64":
            return kind, struct.pack("<d", value)
        case "arr":
            return kind, (value[0], struct.pack(f"<{len(value[1])}d", *value[1]))
        case "dec":
            return kind, Decimal(f"{value[0]}E{-value[1]}")
    return kind, value


def end_meant(at, version):
    if at is None:
        return None
    nanos = isinstance(at, TimestampNanos)
    value = micros(at) if isinstance(at, datetime) else at.value
    if version == 1:
        return "n", value if nanos else value * 1000
    return "n" if nanos else "t", value


def expected(row, version):
    table, symbols, columns, at = row
    return Row(
        table,
        [(name, value) for name, value in symbols.items() if value is not None],
        [(n, meant(v, version)) for n, v in columns.items() if v is not None],
        end_meant(at, version),
    )


def same_nans(row):
    """Return a row with one NaN for all: text has only one."""
    nan = struct.pack("<d", float("nan"))
    columns = [
        (name, (kind, nan) if kind == "f64" and is_nan(value) else (kind, value))
        for name, (kind, value) in row.columns
    ]
    return row._replace(columns=columns)


def is_nan(packed):
    (value,) = struct.unpack("<d", packed)
    return value != value  # noqa: PLR0124 - that is what makes it one


def write_row(buffer, row):
    table, symbols, columns, at = row
    buffer.row(table, symbols=symbols, columns=columns, at=at)


def write_calls(buffer, row):
    table, symbols, columns, at = row
    buffer.table(table)
    for name, value in symbols.items():
        buffer.symbol(name, value)
    for name, value in columns.items():
        buffer.column(name, value)
    buffer.at(at)


def write_schema(buffer, row):
    """Write a row with a schema in another order than that of the wire."""
    table, symbols, columns, at = row
    schema = (
        {"": "at"} | dict.fromkeys(columns, "any") | dict.fromkeys(symbols, "symbol")
    )
    buffer.rows(table, [(at, *columns.values(), *symbols.values())], schema)


WAYS = [write_row, write_calls, write_schema]


def is_empty(row):
    return all(value is None for part in row[1:3] for value in part.values())


@pytest.mark.parametrize("version", [1, 2, 3])
@given(data=st.data())
def test_rows_are_read_as_they_were_given(data, version):
    given_rows = data.draw(st.lists(rows(version), max_size=4))
    kept = [row for row in given_rows if not is_empty(row)]
    buffers = [Buffer(protocol_version=version) for _ in WAYS]
    for write, buffer in zip(WAYS, buffers, strict=True):
        for row in kept:
            write(buffer, row)
    first, *others = map(bytes, buffers)
    assert all(other == first for other in others)
    assert buffers[0].row_count == len(kept)
    read_rows = [
        row._replace(columns=[(name, found(*value)) for name, value in row.columns])
        for row in read(first, version)
    ]
    wanted = [expected(row, version) for row in kept]
    if version == 1:
        read_rows, wanted = map(same_nans, read_rows), map(same_nans, wanted)
    assert list(read_rows) == list(wanted)


@pytest.mark.parametrize("write", WAYS)
@given(data=st.data())
def test_a_row_that_is_refused_leaves_no_trace(write, data):
    version = data.draw(st.sampled_from([1, 2, 3]))
    strict = data.draw(st.booleans())
    buffer = Buffer(protocol_version=version, strict=strict)
    buffer.row("before", columns={"x": 1}, at=None)
    before = bytes(buffer)
    table, symbols, columns, at = data.draw(rows(version))
    part = data.draw(st.sampled_from(["table", "symbols", "columns", "at", "name"]))
    match part:
        case "table":
            table = "a?"
        case "symbols":
            symbols["bad"] = data.draw(BAD)
        case "columns":
            columns["bad"] = data.draw(BAD)
        case "at":
            at = data.draw(st.sampled_from([-1, 5, "x", TimestampNanos(-1)]))
        case _:
            columns["b.d"] = 1
    symbols = {name: v for name, v in symbols.items() if v is not None or part == "at"}
    if part == "symbols" and isinstance(symbols["bad"], str):
        symbols["bad"] = "\udfff"
    with pytest.raises(RowError):
        write(buffer, (table, symbols, columns, at))
    assert bytes(buffer) == before
    assert buffer.row_count == 1
    buffer.table("after").column("x", 1).at_now()
    assert bytes(buffer) == before + b"after x=1i\n"

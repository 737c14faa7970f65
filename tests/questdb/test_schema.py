"""Rows with a schema: what each value is, is said once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos

NOON = datetime(1970, 1, 1, 12, tzinfo=UTC)


def test_rows_of_every_kind():
    schema = {
        "at": "at_ns",
        "s": "symbol",
        "a": "bool",
        "b": "i64",
        "c": "f64",
        "d": "str",
        "e": "ts",
        "f": "ts_us",
        "g": "ts_ns",
        "h": "dec",
        "i": "arr",
        "j": "any",
    }
    row = (7, "x", True, 1, 2.5, "y", NOON, 3, 4, Decimal(5), [6.0], "z")
    buffer = Buffer(protocol_version=3).rows("t", [row, row], schema)
    other = Buffer(protocol_version=3)
    columns = dict(zip(list(schema)[2:], row[2:], strict=True))
    columns |= {"f": TimestampMicros(3), "g": TimestampNanos(4)}
    for _ in range(2):
        other.row("t", symbols={"s": "x"}, columns=columns, at=TimestampNanos(7))
    assert bytes(buffer) == bytes(other)
    assert buffer.row_count == 2


@pytest.mark.parametrize(
    ("kind", "value", "end"),
    [
        ("at", None, b""),
        ("at", TimestampMicros(5), b" 5t"),
        ("at", NOON, b" 43200000000t"),
        ("at_us", 5, b" 5t"),
        ("at_ns", 5, b" 5n"),
        ("at_us", TimestampNanos(5), b" 5n"),
        ("at_ns", NOON, b" 43200000000t"),
        ("at_ns", None, b""),
    ],
)
def test_designated_timestamps_may_be_numbers_whose_unit_is_said(kind, value, end):
    buffer = Buffer().rows("t", [(value, 1)], {"ts": kind, "x": "i64"})
    assert bytes(buffer) == b"t x=1i" + end + b"\n"


def test_without_a_timestamp_it_is_the_servers_clock():
    buffer = Buffer().rows("t", [(1,), [2]], {"x": "i64"})
    assert bytes(buffer) == b"t x=1i\nt x=2i\n"


def test_no_rows_at_all():
    assert len(Buffer().rows("t", [], {"x": "i64"})) == 0


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("x", None, "y"), b"t,a=x,c=y\n"),
        ((None, 1, "y"), b"t,c=y b=1i\n"),
        ((None, 1, None), b"t b=1i\n"),
    ],
)
def test_absent_values_are_left_out(row, expected):
    schema = {"a": "symbol", "b": "i64", "c": "symbol"}
    assert bytes(Buffer().rows("t", [row], schema)) == expected


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "a schema needs symbols or columns, and at most one at"),
        ({"a": "at"}, "a schema needs symbols or columns"),
        ({"a": "at", "b": "at_ns", "c": "i64"}, "at most one at"),
        ({"a": "int"}, "column 'a': the schema says 'int': write one of symbol, any"),
        ({"a.b": "i64"}, r"column 'a\.b': .* must not contain '\.'"),
    ],
)
def test_schemas_that_make_no_sense(schema, said):
    with pytest.raises(RowError, match="^table 't'.*" + said):
        Buffer().rows("t", [], schema)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("i64", 1.5, "write an int"),
        ("i64", True, "write an int"),
        ("f64", "1", "write a float"),
        ("f64", 2**53 + 1, "without losing digits"),
        ("str", 1, "write a str"),
        ("bool", 1, "write a bool"),
        ("ts", 1, "write a timestamp or a datetime"),
        ("ts_ns", True, "write a timestamp or a datetime"),
        ("symbol", 1, "a symbol is text"),
        ("at_ns", -1, "before 1970"),
        ("at_ns", "x", "is no timestamp"),
    ],
)
def test_values_of_another_kind_are_refused(kind, value, said):
    schema = {"x": kind, "y": "any"}
    with pytest.raises(RowError, match=f"^table 't', column 'x': row 1: .*{said}"):
        Buffer().rows("t", [(None, 1), (value, 1)], schema)


def test_a_row_of_another_length_is_refused():
    with pytest.raises(RowError, match="row 1: it has 1 values, and the schema has 2"):
        Buffer().rows("t", [(1, 2), (1,)], {"x": "i64", "y": "i64"})

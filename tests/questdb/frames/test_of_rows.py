"""Rows: dicts, dataclasses and named tuples."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from moorline.questdb.frames import of_rows
from moorline.questdb.timestamps import TimestampNanos
from tests.questdb.frames.writing import both, refused, rows, written


@dataclass
class Trade:
    symbol: str
    price: float | None
    at: TimestampNanos


class Point(NamedTuple):
    x: int
    y: float


def test_absent_keys_are_absent_values():
    given = [{"a": 1}, {"b": "x", "a": None}, {"a": 3, "c": 2.5}]
    assert written(given) == rows(given)


def test_columns_come_in_the_order_in_which_they_are_met():
    assert written([{"a": 1}, {"b": 2, "a": 3}]) == b"t a=1i\nt a=3i,b=2i\n"


def test_dataclasses_named_tuples_and_other_mappings():
    trades = [Trade("a", 1.5, TimestampNanos(1)), Trade("b", None, TimestampNanos(2))]
    expected = b"t,symbol=a price==\x10\0\0\0\0\0\0\xf8? 1n\nt,symbol=b 2n\n"
    assert written(trades, symbols=["symbol"], at="at") == expected
    assert written([Point(1, 2.0), Point(3, 4.0)]) == rows(
        [{"x": 1, "y": 2.0}, {"x": 3, "y": 4.0}]
    )
    given = [OrderedDict(x=1), UserDict(x=2), {"x": 3}]
    assert written(given) == b"t x=1i\nt x=2i\nt x=3i\n"


def test_iterators_are_read_so_many_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(of_rows, "ROWS_READ", 3)
    given = [{"n": at, **({"late": "x"} if at > 4 else {})} for at in range(8)]
    assert both(lambda: iter(given)) == rows(given)
    bad = [*given, {"n": b"x"}]
    assert "column 'n': row 8: b'x' is of type bytes" in both(lambda: iter(bad))
    assert "row 8 is a int" in both(lambda: iter([*given, 8]))


def test_a_column_that_is_named_has_to_be_met_in_time(monkeypatch):
    monkeypatch.setattr(of_rows, "ROWS_READ", 1)
    given = [{"a": "x"}, {"b": "y", "a": "z"}]
    assert "symbols='b': there is no column" in refused(given, symbols=["b"])
    assert refused(given, symbols=["a"], at="b").startswith("RowError: table 't': at=")
    given[0]["b"] = None
    assert written(given, symbols=["b", "a"]) == b"t,a=x\nt,a=z,b=y\n"


def test_texts_are_symbols_if_all_of_them_are_to_be():
    given = [{"a": "x", "b": None, "n": 1}, {"a": "y", "b": "z", "n": 2}]
    assert written(given) == rows(given)
    assert written(given, symbols=True) == rows(given, symbols=["a", "b"])


def test_iterators_of_frames_and_of_rows():
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    array = np.array([(1, 2.5)], [("x", "i4"), ("y", "f8")])
    expected = rows([{"x": 1, "y": 2.5}] * 2)
    assert both(lambda: iter([array, array])) == expected


def test_nothing_is_nothing():
    assert written([]) == b""
    assert written({}) == b""
    assert written({"x": []}) == b""


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ([1, 2], "1 is no row: write a pandas"),
        ([[1, 2]], "[1, 2] is no row"),
        ([("x", 1)], "('x', 1) is no row"),
        ([{"x": 1}, None], "row 1 is a NoneType, None: write a dict"),
        ([{1: 2}], "column name 1: write a str"),
        ({"a": 1}, "column 'a': 1 is one value: a dict is of arrays or lists"),
        ({"a": "abc"}, "column 'a': 'abc' is one value"),
        ({"a": [1], "b": [1, 2]}, "of different lengths: {'a': 1, 'b': 2}"),
        (Trade("a", 1.5, TimestampNanos(1)), "is one row: write it into a list"),
        (42, "42 is no frame: write a pandas or polars DataFrame"),
        ("abc", "'abc' is no frame"),
        (b"abc", "b'abc' is no frame"),
        (None, "None is no frame"),
    ],
)
def test_what_is_no_frame(frame, complaint):
    assert complaint in refused(frame)

"""What becomes of the columns of a frame, and what cannot become of them."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moorline.questdb.timestamps import (
    ServerTimestamp,
    TimestampMicros,
    TimestampNanos,
)
from tests.questdb.frames.writing import refused, written

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

CASES = tomllib.loads(
    (Path(__file__).parents[2] / "spec" / "questdb_frames.toml").read_text("utf-8")
)


def frame():
    return pa.table(
        {
            "n": [1, 2],
            "text": ["a", "b c"],
            "kind": pa.array(["x", "y=z"]).dictionary_encode(),
            "when": pa.array([5, 6], pa.timestamp("us")),
            "name with space": pa.array([True, None]),
        }
    )


@pytest.mark.parametrize("case", CASES["written"], ids=lambda case: case["name"])
def test_what_is_written(case):
    lines = "".join(f"{line}\n" for line in case["lines"])
    assert written(frame(), **case["options"]).decode() == lines


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["name"])
def test_what_is_refused(case):
    assert case["says"] in refused(frame(), **case["options"])


@pytest.mark.parametrize(
    ("at", "version", "end"),
    [
        (None, 2, ""),
        (ServerTimestamp, 2, ""),
        (TimestampNanos(7), 2, " 7n"),
        (TimestampMicros(7), 2, " 7t"),
        (TimestampMicros(7), 1, " 7000"),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 2, " 1000000t"),
    ],
)
def test_one_moment_for_all_rows(at, version, end):
    found = written({"x": [1, 2]}, at=at, version=version).decode()
    assert found == f"t x=1i{end}\nt x=2i{end}\n"


@pytest.mark.parametrize("at", [TimestampNanos(-1), 1.5, True, ["when"]])
def test_what_is_no_moment(at):
    complaint = refused({"x": [1]}, at=at)
    assert complaint.startswith("RowError: table 't': at=")


def test_a_moment_before_1970_in_a_column():
    table = pa.table({"x": [1, 2], "at": pa.array([1, -1], pa.timestamp("ns"))})
    complaint = refused(table, at="at")
    assert "column 'at': row 1: at=TimestampNanos(-1) is before 1970" in complaint


def test_a_moment_that_is_null():
    table = pa.table({"x": [1, 2], "at": pa.array([1, None], pa.timestamp("ns"))})
    for given in (table, table.drop(["at"]).append_column("at", pa.nulls(2))):
        complaint = refused(given, at="at")
        assert "'at': row" in complaint
        assert "the designated timestamp is null" in complaint
    assert "is null" in refused({"x": [1], "at": [None]}, at="at")


def test_moments_among_objects():
    given = {"x": [1, 2], "at": [TimestampNanos(1), datetime(1970, 1, 2, tzinfo=UTC)]}
    assert written(given, at="at") == b"t x=1i 1n\nt x=2i 86400000000t\n"
    assert "at=3 has no unit" in refused({"x": [1], "at": [3]}, at="at")


def test_tables_by_row():
    given = {"t": ["a", "b c", "a"], "x": [1, 2, 3]}
    expected = b"a x=1i\nb\\ c x=2i\na x=3i\n"
    assert written(given, table_name_col="t") == expected
    table = pa.table(given)
    assert written(table, table_name_col="t") == expected
    coded = table.set_column(0, "t", table["t"].combine_chunks().dictionary_encode())
    assert written(coded, table_name_col=0) == expected
    assert written(coded, table_name_col=0, step=1) == expected


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (None, "row 1: the table's name is None: write a text, or drop the row"),
        ("a..b", "row 1: table 'a..b': table name 'a..b': a dot may stand"),
        ("", "row 1: table '': a table name is empty"),
    ],
)
@pytest.mark.parametrize("coded", [True, False])
def test_tables_that_are_none(name, says, coded):
    column = pa.array(["a", name])
    table = pa.table(
        {"t": column.dictionary_encode() if coded else column, "x": [1, 2]}
    )
    assert says in refused(table, table_name_col="t")


def test_names_alike_but_for_their_case():
    assert written({"a": [1], "A": [2]}) == b"t a=1i,A=2i\n"
    assert "are one to the server" in refused({"a": [1], "A": [2]}, strict=True)
    # The designated timestamp has another name there.
    frame = {"a": [1], "A": [TimestampNanos(1)]}
    assert written(frame, at="A", strict=True) == b"t a=1i 1n\n"


def test_a_column_of_the_timestamp_may_be_called_what_no_column_may():
    frame = {"x": [1], "a.b": [TimestampNanos(1)]}
    assert written(frame, at="a.b") == b"t x=1i 1n\n"
    assert "must not contain '.'" in refused(frame)


def test_a_row_without_any_value_is_refused():
    assert "row 1: a row needs at least one" in refused({"x": [1, None]})
    table = pa.table({"s": pa.array(["a", None]).dictionary_encode()})
    assert "row 1: a row needs at least one" in refused(table)

"""DataFrames of polars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.questdb.frames.writing import refused, rows, written

pl = pytest.importorskip("polars", reason="polars is not installed")

DAY = datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
LONG = "a text of more than twelve bytes, \n=, é😀"


def categorical(values, **given):
    return pl.Series(values, dtype=pl.Categorical(**given))


def test_columns_of_every_type():
    frame = pl.DataFrame(
        {
            "c": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "e": pl.Series(["x y", "z", None], dtype=pl.Enum(["x y", "z"])),
            "s": ["p", None, LONG],
            "i": pl.Series([1, None, 3], dtype=pl.UInt16),
            "f": pl.Series([1.5, None, float("nan")], dtype=pl.Float32),
            "b": [True, None, False],
            "t": pl.Series([DAY, None, DAY]),
            "d": [date(2020, 1, 1), None, None],
            "l": [[1.0, 2.0], None, []],
            "a": pl.Series([[1.0], [2.0], [3.0]], dtype=pl.Array(pl.Float64, 1)),
            "m": pl.Series([Decimal("1.5"), None, None], dtype=pl.Decimal(10, 3)),
        }
    )
    given = [
        {**row, "m": Decimal("1.500") if row["m"] else None} for row in frame.to_dicts()
    ]
    expected = rows(given, symbols=["c", "e"])
    assert written(frame) == expected
    assert written(frame[::-1][::-1]) == expected
    assert written(pl.concat([frame[:1], frame[1:]], rechunk=False)) == expected
    assert written(frame[1:]) == rows(given[1:], symbols=["c", "e"])
    assert ".collect()" in refused(frame.lazy())
    assert ".to_frame()" in refused(frame["i"])
    duration = frame.select(x=pl.duration(seconds=1))
    assert "the type duration cannot be written" in refused(duration)


def test_categories_of_all_sizes():
    words = [f"word {number}" for number in range(300)]
    few = [*words[:3], None, words[1]] * 100
    many = pl.DataFrame({"c": categorical(words), "n": range(300)})
    frame = pl.DataFrame({"c": categorical(few), "n": range(500)})
    given = [{"c": word, "n": at} for at, word in enumerate(few)]
    assert written(frame) == rows(given, symbols=["c"])
    # Fewer rows than the process has categories.
    assert written(frame[7:20]) == rows(given[7:20], symbols=["c"])
    given = [{"c": word, "n": at} for at, word in enumerate(words)]
    assert written(many) == rows(given, symbols=["c"])


def test_categories_of_a_narrow_kind():
    narrow = pl.Categories("narrow", physical=pl.UInt8)
    frame = pl.DataFrame({"c": categorical(["a", "b", None, "a"], categories=narrow)})
    frame = frame.with_columns(n=pl.Series([1, 2, 3, 4]))
    given = [{"c": word, "n": at} for at, word in enumerate(["a", "b", None, "a"], 1)]
    assert written(frame) == rows(given, symbols=["c"])
    assert written(frame, symbols=False) == rows(given)


def test_a_frame_without_rows_or_columns():
    assert written(pl.DataFrame()) == b""
    assert written(pl.DataFrame({"c": categorical([]), "n": []})) == b""

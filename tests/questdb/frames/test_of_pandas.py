"""DataFrames of pandas."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.questdb.frames.writing import refused, rows, written

pd = pytest.importorskip("pandas", reason="pandas is not installed")
np = pytest.importorskip("numpy", reason="NumPy is not installed")

DAY = datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
# A dtype, what a column of it is made of, and what `row` is given for each value.
SERIES = [
    ("int64", [1, -2, 3], [1, -2, 3]),
    ("float64", [1.5, None, 2], [1.5, float("nan"), 2.0]),
    ("bool", [True, False, True], [True, False, True]),
    ("Int8", [1, None, -128], [1, None, -128]),
    ("UInt64", [1, None, 2**63 - 1], [1, None, 2**63 - 1]),
    ("Int64", [None, None, 2**62 + 1], [None, None, 2**62 + 1]),
    ("Float32", [1.5, None, 0.25], [1.5, None, 0.25]),
    ("Float64", [None, 0.1, 0.2], [None, 0.1, 0.2]),
    ("boolean", [True, None, False], [True, None, False]),
    ("str", ["a", None, 'é "\\'], ["a", None, 'é "\\']),
    ("string[python]", ["a", None, "b"], ["a", None, "b"]),
    ("string[pyarrow]", ["a", None, "b"], ["a", None, "b"]),
    ("category", ["a b", None, "c"], ["a b", None, "c"]),
    ("datetime64[ns, UTC]", [1, None, 3], [pd.Timestamp(1, tz="UTC"), None, None]),
    ("datetime64[s]", ["2020-01-02", None], [date(2020, 1, 2), None]),
    ("object", ["a", np.nan, pd.NA], ["a", None, None]),
    ("object", [1.5, np.nan, None], [1.5, float("nan"), None]),
    ("object", [None, np.nan, pd.NaT], [None, None, None]),
    ("object", [Decimal("1.5"), None, Decimal(-2)], [Decimal("1.5"), None, None]),
    ("object", [date(2020, 1, 1), DAY, None], [date(2020, 1, 1), DAY, None]),
    ("object", [np.float32(0.5), 2, "x"], [0.5, 2, "x"]),
    ("object", [[1.0, 2.0], np.ones((2, 2)), None], [[1.0, 2.0], np.ones((2, 2)), 0]),
    ("Sparse[int64]", [0, 5, 0], [0, 5, 0]),
    ("Sparse[float64]", [0.0, 5.5, 0.0], [0.0, 5.5, 0.0]),
    ("double[pyarrow]", [1.5, None, 2.0], [1.5, None, 2.0]),
    ("int16[pyarrow]", [1, None, 2], [1, None, 2]),
    ("bool[pyarrow]", [True, None, False], [True, None, False]),
    ("timestamp[us, tz=UTC][pyarrow]", [DAY, None, None], [DAY, None, None]),
]


@pytest.mark.parametrize(("dtype", "values", "given"), SERIES)
def test_columns_of_every_dtype(dtype, values, given):
    series = pd.Series(values, dtype=dtype)
    if dtype == "datetime64[ns, UTC]":
        given = [given[0], None, pd.Timestamp(3, tz="UTC")]
    elif isinstance(values[0], Decimal):
        given = values
    elif isinstance(values[0], list):
        given = [*values[:2], None]
    symbols = ["x"] if dtype == "category" else []
    expected = rows(
        [{"x": value, "n": at} for at, value in enumerate(given)], symbols=symbols
    )
    frame = pd.DataFrame({"x": series, "n": range(len(values))})
    assert written(frame) == expected
    assert written(frame[::-1][::-1]) == expected
    assert written(frame, step=2) == expected
    assert written({"x": series, "n": range(len(values))}) == expected
    halves = pd.concat([frame[:1], frame[1:]], ignore_index=True)
    assert written(halves, symbols=symbols) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("version", [1, 2])
def test_moments_keep_their_unit(unit, zone, version):
    moments = pd.Series(pd.to_datetime(["2020-01-01T00:00:01", "1999-01-01T00:00:00"]))
    moments = moments.dt.as_unit(unit).dt.tz_localize(zone)
    given = [{"x": at if zone else at.tz_localize("UTC")} for at in moments]
    assert written({"x": moments}, version=version) == rows(given, version=version)
    frame = pd.DataFrame({"x": moments, "y": [1, 2]})
    given = [{**row, "y": at} for at, row in enumerate(given, 1)]
    expected = rows(given, version=version, at="x")
    assert written(frame, version=version, at="x") == expected


def test_nanoseconds_are_kept():
    frame = {"x": pd.Series([pd.Timestamp("2020-01-01T00:00:00.123456789")])}
    assert written(frame) == b"t x=1577836800123456789n\n"


def test_the_index_is_not_written():
    frame = pd.DataFrame({"x": [1, 2]}, index=["a", "b"])
    assert written(frame) == b"t x=1i\nt x=2i\n"
    frame = frame.set_index(pd.MultiIndex.from_tuples([(1, 2), (3, 4)]))
    assert written(frame[1:]) == b"t x=2i\n"


@pytest.mark.parametrize(
    ("categories", "line"),
    [
        ([3, 1], b"t x=1i\n"),
        ([0.5, 1.5], b"t x==\x10\0\0\0\0\0\0\xf8?\n"),
        (pd.to_datetime([1, 2]), b"t x=2n\n"),
        (pd.array(["a", "b"], "string[pyarrow]"), b"t,x=b n=0i\n"),
    ],
)
def test_categories_that_are_no_text_are_values(categories, line):
    series = pd.Series(pd.Categorical.from_codes([1], categories))
    frame = {"x": series, "n": [0]} if b"n=" in line else {"x": series}
    assert written(frame) == line


@pytest.mark.parametrize("symbols", ["auto", ["s"]])
def test_categories_of_nothing_may_be_symbols(symbols):
    """pandas says of them that they are of floats."""
    series = pd.Series([None, None], dtype="category")
    assert series.cat.categories.dtype == "float64"
    frame = pd.DataFrame({"s": series, "x": [1, 2]})
    assert written(frame, table="t", symbols=symbols) == b"t x=1i\nt x=2i\n"


def test_categories_of_texts_and_others_are_no_symbols():
    series = pd.Series(pd.Categorical.from_codes([0, 1], ["a", 1]))
    assert written({"x": series}) == b't x="a"\nt x=1i\n'
    assert "write str(value)" in refused({"x": series}, symbols=["x"])


@pytest.mark.parametrize(
    "dtype", ["str", "object", "string[python]", "string[pyarrow]"]
)
@pytest.mark.parametrize("absent", [None, np.nan, pd.NA])
def test_texts_behind_what_is_absent_are_texts(dtype, absent):
    frame = pd.DataFrame({"x": pd.Series([absent, "a"], dtype=dtype), "n": [1, 2]})
    assert written(frame, symbols=True) == b"t n=1i\nt,x=a n=2i\n"


def test_an_entry_that_cannot_be_written_matters_where_it_is_used():
    entries = pd.Index(["a", "\ud800"], dtype=object)
    series = pd.Series(pd.Categorical.from_codes([0, 0, 1], entries))
    assert written({"x": series[:2], "y": [1, 2]}) == b"t,x=a y=1i\nt,x=a y=2i\n"
    complaint = refused({"x": series, "y": [1, 2, 3]})
    assert complaint.startswith("RowError: table 't', column 'x': row 2: character 0")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (pd.to_timedelta([1]), "a timedelta cannot be written"),
        (pd.period_range("2020", periods=1), "a period cannot be written"),
        (pd.interval_range(0, 1), "an interval cannot be written"),
        (pd.Series([1j]), "a complex number cannot be written"),
        (pd.Series([b"x"], dtype=object), "row 0: b'x' is of type bytes: decode it"),
        (
            pd.Series([b"x"], dtype="binary[pyarrow]"),
            "the type binary cannot be written: decode it to text",
        ),
    ],
)
def test_what_cannot_be_written(values, complaint):
    assert complaint in refused(pd.DataFrame({"x": values}))


def test_names_that_are_no_texts_are_refused():
    assert "column name 0: write a str" in refused(pd.DataFrame([[1]]))
    assert "two columns 'a'" in refused(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_texts_in_arrow_are_read_without_nanoarrow_as_well():
    script = (
        "import sys; sys.modules['nanoarrow'] = None\n"
        "import importlib.util as u; u.find_spec = lambda name: None\n"
        "import pandas as pd\n"
        "from moorline.questdb import Buffer\n"
        "from moorline.errors import ConfigError\n"
        "frame = pd.DataFrame({'x': pd.Series(['a', None], dtype='str'), 'y': 1})\n"
        "found = bytes(Buffer().dataframe(frame, table='t', at=None))\n"
        "assert found == b't x=\"a\",y=1i\\nt y=1i\\n', found\n"
        "frame = frame.astype({'y': 'int64[pyarrow]'})\n"
        "try:\n"
        "    Buffer().dataframe(frame, table='t', at=None)\n"
        "except ConfigError as error:\n"
        "    assert 'pip install moorline[arrow]' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

"""Values of NumPy and pandas, which are recognised without being imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import TimestampNanos
from tests.questdb.ilp import read

np = pytest.importorskip("numpy", reason="NumPy is not installed")


@pytest.fixture(scope="module")
def pd():
    return pytest.importorskip("pandas", reason="pandas is not installed")


def column(value, version=2, *, strict=False):
    """Return a column as a reader has it; `None` if it was left out."""
    buffer = Buffer(protocol_version=version, strict=strict)
    buffer.row("t", symbols={"s": "x"}, columns={"x": value}, at=None)
    (row,) = read(bytes(buffer), version)
    return row.columns[0][1] if row.columns else None


def end(at):
    buffer = Buffer().row("t", columns={"x": 1}, at=at)
    return read(bytes(buffer), 2)[0].at


def test_neither_package_is_imported():
    script = (
        "import sys; from moorline.questdb.buffer import Buffer; "
        "Buffer().row('t', columns={'x': [1.0], 'y': 1}, at=None); "
        "assert not {'numpy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("float64", 1.5, ("f64", 1.5)),
        ("float32", 1.5, ("f64", 1.5)),
        ("float16", 1.5, ("f64", 1.5)),
        ("int64", -(2**63), ("i64", -(2**63))),
        ("uint64", 2**63 - 1, ("i64", 2**63 - 1)),
        ("int32", -7, ("i64", -7)),
        ("uint32", 2**32 - 1, ("i64", 2**32 - 1)),
        ("int16", -7, ("i64", -7)),
        ("uint16", 7, ("i64", 7)),
        ("int8", -7, ("i64", -7)),
        ("uint8", 7, ("i64", 7)),
        ("bool_", True, ("bool", True)),
        ("bool_", False, ("bool", False)),
        ("str_", 'a"b', ("str", 'a"b')),
    ],
)
def test_scalars(name, value, expected):
    assert column(getattr(np, name)(value)) == expected


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("2020-01-01T00:00:00.123456789", "ns", ("ns", 1577836800123456789)),
        ("2020-01-01T00:00:00.123456", "us", ("us", 1577836800123456)),
        ("2020-01-01T00:00:00.123", "ms", ("us", 1577836800123000)),
        ("2020-01-01T00:00:01", "s", ("us", 1577836801000000)),
        ("2020-01-01T00:01", "m", ("us", 1577836860000000)),
        ("2020-01-01T01", "h", ("us", 1577840400000000)),
        ("1969-12-31", "D", ("us", -86400000000)),
        ("1970-01-08", "W", ("us", 604800000000)),
        ("2020-02", "M", ("us", 1580515200000000)),
        ("2021", "Y", ("us", 1609459200000000)),
        ("1970-01-01T00:00:50", "25s", ("us", 50000000)),
        ("1970-01-01T00:00:00.000000001", "ps", ("ns", 1)),
        ("NaT", "ns", None),
        ("NaT", "M", None),
    ],
)
def test_datetime64_keeps_its_precision(text, unit, expected):
    value = np.datetime64(text, unit)
    assert column(value) == expected
    if expected and expected[1] >= 0:
        assert end(value) == ("n" if expected[0] == "ns" else "t", expected[1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: np.timedelta64(5, "s"), "a whole number of some unit"),
        (lambda: np.datetime64(1, "ps"), "finer than nanoseconds"),
        (lambda: np.complex64(1), "write one of Python's own types"),
        (lambda: np.bytes_(b"x"), "decode it"),
        (lambda: np.longdouble(1) / 3, r"wider than a double, write float\(value\)"),
        (lambda: np.uint64(2**63), "does not fit into 64 bits"),
        (lambda: np.array(1.5), r"write array\.item\(\)"),
        (lambda: np.array([True]), "an array of bool"),
        (lambda: np.array(["a"]), "an array of <U1"),
        (lambda: np.array([1.5, None]), "an array of object"),
        (lambda: np.array([2**53 + 1]), "beyond ±2\\^53"),
        (lambda: np.array([-(2**53) - 1]), "beyond ±2\\^53"),
        (lambda: np.ma.array([1.0, 2.0], mask=[0, 1]), "a masked array: fill it first"),
        (lambda: np.zeros((1,) * 33), "has 33 dimensions"),
        (lambda: np.broadcast_to(1.0, (2**28, 0, 1)), "too large"),
    ],
)
def test_values_that_are_refused(make, said):
    try:
        value = make()
    except ValueError:
        pytest.skip("this NumPy has no such value")
    with pytest.raises(RowError, match=said):
        column(value)


@pytest.mark.parametrize(
    "kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_big_endian_arrays_are_not_garbled(kind, order):
    values = np.array([[1, 2, 3], [4, 5, 6]], order + kind)
    assert column(values) == ("arr", ((2, 3), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)))


@pytest.mark.parametrize(
    ("make", "shape", "elements"),
    [
        (lambda a: a.T, (3, 2), (0.0, 3.0, 1.0, 4.0, 2.0, 5.0)),
        (lambda a: a[:, ::-1], (2, 3), (2.0, 1.0, 0.0, 5.0, 4.0, 3.0)),
        (lambda a: a[::2, 1:], (1, 2), (1.0, 2.0)),
        (np.asfortranarray, (2, 3), (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)),
        (lambda a: a[:0], (0, 3), ()),
        (lambda a: np.broadcast_to(a[0, :1], (2, 2)), (2, 2), (0.0,) * 4),
    ],
)
def test_arrays_of_any_layout(make, shape, elements):
    values = make(np.arange(6.0).reshape(2, 3))
    assert column(values) == ("arr", (shape, elements))


def test_a_subclass_of_arrays_is_one():
    class Mine(np.ndarray):
        pass

    values = np.arange(2.0).view(Mine)
    assert column(values) == ("arr", ((2,), (0.0, 1.0)))


def test_strict_refuses_arrays_with_what_becomes_null():
    for bad in (np.nan, np.inf):
        with pytest.raises(RowError, match="an element that is no finite number"):
            column(np.array([1.0, bad]), strict=True)
    assert column(np.array([1.0]), strict=True)


def test_numbers_of_timestamps_may_be_numpys():
    assert TimestampNanos(np.int64(5)) == TimestampNanos(5)
    buffer = Buffer().rows("t", [(np.int64(5), 1)], {"ts": "at_us", "x": "i64"})
    assert bytes(buffer) == b"t x=1i 5t\n"


def test_a_pandas_timestamp_keeps_its_nanoseconds(pd):
    value = pd.Timestamp("2020-01-01T00:00:00.123456789", tz="Europe/Berlin")
    value -= pd.Timedelta(0)
    assert column(value) == ("ns", 1577833200123456789)
    assert end(value) == ("n", 1577833200123456789)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_pandas_timestamp_in_other_units_has_microseconds(pd, unit):
    value = pd.Timestamp("2020-01-01T00:00:01", tz="UTC").as_unit(unit)
    assert column(value) == ("us", 1577836801000000)
    assert end(value) == ("t", 1577836801000000)


def test_a_pandas_timestamp_without_a_timezone_is_utc_with_a_warning(pd):
    for unit, expected in (("ns", ("ns", 1577836800000000001)), ("us", None)):
        value = pd.Timestamp("2020-01-01T00:00:00.000000001").as_unit(unit)
        with pytest.warns(UserWarning, match="is taken as UTC"):
            assert column(value) == (expected or ("us", 1577836800000000))
        with pytest.raises(RowError, match="has no timezone"):
            column(value, strict=True)


def test_missing_values_of_pandas_are_absent(pd):
    assert column(pd.NaT) is None
    assert column(pd.NA) is None
    buffer = Buffer().row("t", symbols={"a": pd.NA, "b": "x"}, at=None)
    assert bytes(buffer) == b"t,b=x\n"


def test_a_missing_time_is_not_the_servers_clock(pd):
    for missing in (pd.NaT, pd.NA, np.datetime64("NaT")):
        with pytest.raises(RowError, match="is no timestamp"):
            end(missing)


def test_containers_of_pandas_are_refused(pd):
    with pytest.raises(RowError, match="is of type Series"):
        column(pd.Series([1.0]))

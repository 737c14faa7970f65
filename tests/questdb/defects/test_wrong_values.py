"""Values that QuestDB's own client stores as others, or refuses without need."""

from __future__ import annotations

import enum
from array import array
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from moorline.errors import RowError
from moorline.questdb import Buffer, TimestampMicros, TimestampNanos
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab
    from tests.questdb.senders import Face

np = pytest.importorskip("numpy", reason="NumPy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

AT = TimestampNanos(1_700_000_000_123_456_789)
NANOS = 1_700_000_000_123_456_789


class Side(enum.StrEnum):
    BUY = "buy"


class Level(enum.IntEnum):
    HIGH = 3


def stored(
    lab: QuestdbLab, opened: Callable[..., Face], value: object, ask: str = "x"
) -> object:
    """Send a value in a column, and return what SQL finds there."""
    face = opened(conf(lab))
    face.row("t", columns={"x": value}, at=AT)
    face.flush()
    lab.wait_rows("t", 1)
    ((found,),) = lab.sql(f"select {ask} from t")  # noqa: S608 - a name of ours
    return found


@pytest.mark.parametrize("kind", [">i2", ">i4", ">i8", ">u4", ">f4", ">f8"])
def test_big_endian_numbers_are_stored_as_they_are(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], kind: str
) -> None:
    """1: `>i4` 1 and 2 were stored as 16777216 and 33554432."""
    face = opened(conf(questdb_lab))
    values = np.array([1, 2], kind)
    for value in values:
        face.row("t", columns={"x": value, "a": values}, at=AT)
    face.flush()
    questdb_lab.wait_rows("t", 2)
    assert questdb_lab.sql("select x, a from t") == [(1, [1, 2]), (2, [1, 2])]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_nanoseconds_of_pandas_are_stored(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], zone: str
) -> None:
    """2: they were cut to microseconds, in columns and as `at`."""
    moment = pd.Timestamp(NANOS, unit="ns", tz=zone)
    face = opened(conf(questdb_lab))
    face.row("t", columns={"x": moment}, at=moment)
    face.flush()
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.sql("select x::long, timestamp::long from t") == [(NANOS, NANOS)]


@pytest.mark.parametrize("absent", [pd.NaT, pd.NA, np.datetime64("NaT")])
def test_no_time_is_not_the_servers_clock(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], absent: object
) -> None:
    """5: a missing time became the time at which it was stored."""
    face = opened(conf(questdb_lab))
    with pytest.raises(RowError, match="None for the server's clock"):
        face.row("t", columns={"x": 1}, at=absent)
    assert face.kept == 0


def test_a_missing_truth_value_is_left_out() -> None:
    """5: it became false without a word."""
    buffer = Buffer().row("t", columns={"x": pd.NA, "y": None, "z": 1}, at=None)
    assert bytes(buffer) == b"t z=1i\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(1.5), 1.5),
        (np.float16(1.5), 1.5),
        (np.int64(-7), -7),
        (np.uint8(7), 7),
        (np.bool_(True), True),  # noqa: FBT003 - it is the value
        (np.str_("é"), "é"),
        (Side.BUY, "buy"),
        (Level.HIGH, 3),
        ([1.0, 2.5], [1, 2.5]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (array("d", [1.0, 2.5]), [1, 2.5]),
        (array("i", [1, 2]), [1, 2]),
        (np.array([1.5, 2], "f4"), [1.5, 2]),
        (np.array([1, 2], "i8"), [1, 2]),
        (pd.NaT, None),
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_scalars_that_were_refused_are_stored(
    questdb_lab: QuestdbLab,
    opened: Callable[..., Face],
    value: object,
    expected: object,
) -> None:
    """17: `row` took none of them."""
    face = opened(conf(questdb_lab))
    face.row("t", columns={"x": value, "y": 1}, at=AT)
    face.flush()
    questdb_lab.wait_rows("t", 1)
    columns = "y" if expected is None else "x"
    ((found,),) = questdb_lab.sql(f"select {columns} from t")  # noqa: S608 - a name of ours
    assert found == (1 if expected is None else expected)


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (np.datetime64("2020-01-02"), 1_577_923_200_000_000),
        (date(2020, 1, 2), 1_577_923_200_000_000),
        (datetime(2020, 1, 2, tzinfo=UTC), 1_577_923_200_000_000),
        (pd.Timestamp("2020-01-02", tz="UTC").as_unit("s"), 1_577_923_200_000_000),
        (TimestampMicros(-1), -1),
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_moments_that_were_refused_are_stored(
    questdb_lab: QuestdbLab,
    opened: Callable[..., Face],
    value: object,
    micros: int,
) -> None:
    """17: neither NumPy's moments nor dates were taken."""
    assert stored(questdb_lab, opened, value, "x::long") == micros


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**63, "does not fit into 64 bits: write float"),
        (np.uint64(2**63), "does not fit into 64 bits: write float"),
        (np.longdouble(1), "wider than a double"),
        (np.timedelta64(1, "s"), "a whole number of some unit"),
        (pd.Timedelta(1), "a whole number of some unit"),
        (b"x", "decode it"),
        (np.array(1.5), "write array.item"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_stored_says_what_to_write(value: object, said: str) -> None:
    """17: some of them were a bare OverflowError."""
    buffer = Buffer()
    with pytest.raises(RowError, match=said):
        buffer.row("t", columns={"x": value}, at=None)
    assert len(buffer) == 0


def test_a_number_without_a_unit_is_no_time() -> None:
    """17: it was a TypeError; which unit it has, only the caller knows."""
    with pytest.raises(RowError, match=r"TimestampNanos\(5\)"):
        Buffer().row("t", columns={"x": 1}, at=5)


@pytest.mark.parametrize(
    ("text", "expected"), [("NaN", None), ("-0.0", "0.00"), ("-1.25", "-1.25")]
)
def test_decimals_are_stored(
    questdb_lab: QuestdbLab,
    opened: Callable[..., Face],
    text: str,
    expected: str | None,
) -> None:
    """17: NaN left the buffer in a wrong state, and -0.0 took 32 bytes."""
    questdb_lab.sql(
        "create table t (x decimal(18, 2), timestamp timestamp) timestamp(timestamp) "
        "partition by day wal"
    )
    assert stored(questdb_lab, opened, Decimal(text)) == expected
    assert len(Buffer(3).row("t", columns={"x": Decimal("-0.0")}, at=None)) < 12


def test_two_columns_of_one_name_are_refused() -> None:
    """19: the server kept the first, and nobody said so."""
    buffer = Buffer()
    with pytest.raises(RowError, match="two columns 'x'"):
        buffer.row("t", symbols={"x": "a"}, columns={"x": 1}, at=None)
    assert len(buffer) == 0


def test_two_cases_of_one_name_are_refused_by_strict() -> None:
    """19: the same, for `x` and `X`."""
    with pytest.raises(RowError, match="the first, and strict=True"):
        Buffer(strict=True).row("t", columns={"x": 1, "X": 2}, at=None)

"""Frames that QuestDB's own client stores as something else, or does not take."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from moorline.errors import IngestError, RowError
from moorline.questdb import Buffer, TimestampNanos
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab
    from tests.questdb.senders import Face

np = pytest.importorskip("numpy", reason="NumPy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pl = pytest.importorskip("polars", reason="polars is not installed")

NANOS = 1_700_000_000_123_456_789
AT = TimestampNanos(NANOS)
SCHEMA = "timestamp timestamp) timestamp(timestamp) partition by day wal"


def stored(
    lab: QuestdbLab,
    opened: Callable[..., Face],
    frame: object,
    ask: str = "a",
    **how: Any,
) -> list[object]:
    """Send a frame, and return what SQL finds of it, by row."""
    face = opened(conf(lab))
    face.dataframe(frame, **{"table": "t", "at": AT, **how})
    rows = face.kept
    face.flush()
    lab.wait_rows("t", rows)
    found = lab.sql(f"select {ask} from t order by b")  # noqa: S608 - a name of ours
    return [row[0] if len(row) == 1 else row for row in found]


@pytest.mark.parametrize("kind", [">i2", ">i4", ">i8", ">u4", ">f4", ">f8"])
def test_big_endian_columns_are_stored_as_they_are(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], kind: str
) -> None:
    """1: of `>i4` 1 and 2 it stored 16777216 and 33554432."""
    frame = pd.DataFrame({"a": np.array([1, 2], kind), "b": [0, 1]})
    assert stored(questdb_lab, opened, frame) == [1, 2]


def test_big_endian_moments_are_stored_as_they_are(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """1 and 2: they are numbers too, and keep their nanoseconds."""
    moments = np.array([NANOS, NANOS + 1], ">M8[ns]")
    frame = {"a": moments, "ts": moments, "b": np.array([0, 1])}
    found = stored(questdb_lab, opened, frame, "a::long, timestamp::long", at="ts")
    assert found == [(NANOS, NANOS), (NANOS + 1, NANOS + 1)]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "ts": [pd.Timestamp(5, tz="UTC"), pd.NaT]}),
        pl.DataFrame({"a": [1, 2], "ts": [datetime(2020, 1, 1, tzinfo=UTC), None]}),
        pa.table({"a": [1, 2], "ts": pa.array([1, None], pa.timestamp("ns", "UTC"))}),
    ],
    ids=lambda frame: type(frame).__module__,
)
def test_a_frame_with_a_missing_time_is_refused(frame: object) -> None:
    """5: the server's clock took the place of it."""
    buffer = Buffer()
    with pytest.raises(RowError, match=r"row 1: .*null, which would be the server's"):
        buffer.dataframe(frame, table="t", at="ts")
    assert len(buffer) == 0


@pytest.mark.parametrize(
    "frame",
    [
        pa.table({"a": [True, None], "b": [0, 1]}),
        pl.DataFrame({"a": [True, None], "b": [0, 1]}),
        pd.DataFrame({"a": pd.array([True, None], "boolean"), "b": [0, 1]}),
        pd.DataFrame({"a": [True, None], "b": [0, 1]}),
    ],
    ids=["pyarrow", "polars", "boolean", "object"],
)
def test_a_missing_truth_value_is_left_out(frame: object) -> None:
    """5: of pyarrow's it made false."""
    buffer = Buffer(1).dataframe(frame, table="t", at=None)
    assert bytes(buffer) == b"t a=t,b=0i\nt b=1i\n"


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [timedelta(1)]}),
        pd.DataFrame({"a": [pd.Timedelta(1)]}),
        pa.table({"a": pa.array([1], pa.duration("us"))}),
    ],
    ids=lambda frame: type(frame).__module__,
)
def test_a_duration_is_no_number_without_being_asked_for(frame: object) -> None:
    """5 and 17: polars's became a number of microseconds, pandas's was an error."""
    with pytest.raises(RowError, match=r"column 'a'.*whole number"):
        Buffer().dataframe(frame, table="t", at=None)


DICTIONARY = pa.array(["x", "y"]).dictionary_encode()
OBJECTS = pd.Series([np.str_("x"), "y"], dtype=object)
SINGLES = pa.list_(pa.float32())
TWO = [0, 1]


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (pa.table({"a": [1.5, 2.5], "b": TWO}), [1.5, 2.5]),
        (pa.table({"a": DICTIONARY, "b": TWO}), ["x", "y"]),
        (pl.DataFrame({"a": [1.5, 2.5], "b": TWO}), [1.5, 2.5]),
        (
            pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical), "b": TWO}),
            ["x", "y"],
        ),
        (
            pd.DataFrame({"a": pd.Series(DICTIONARY.to_pandas()), "b": TWO}),
            ["x", "y"],
        ),
        (
            pd.DataFrame(
                {"a": pd.Series(["x", "y"]).astype(pd.ArrowDtype(DICTIONARY.type))}
            ).assign(b=TWO),
            ["x", "y"],
        ),
        (
            pa.table({"a": pa.array([[1.5], [2, 3]], SINGLES), "b": TWO}),
            [[1.5], [2, 3]],
        ),
        (
            pa.table({"a": pa.array([[1], [2, 3]], pa.list_(pa.int64())), "b": TWO}),
            [[1], [2, 3]],
        ),
        (pd.DataFrame({"a": OBJECTS, "b": TWO}), ["x", "y"]),
        (pd.DataFrame({"a": np.array([1.5, 2], "f2"), "b": TWO}), [1.5, 2]),
        (pd.DataFrame({"a": pd.Categorical([7, 8]), "b": TWO}), [7, 8]),
        ([{"a": 1, "b": 0}, {"a": 2, "b": 1}], [1, 2]),
        ({"a": [1.5, 2.5], "b": np.array(TWO)}, [1.5, 2.5]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_frames_that_were_refused_are_stored(
    questdb_lab: QuestdbLab,
    opened: Callable[..., Face],
    frame: object,
    found: list[object],
) -> None:
    """17 and 18: over ILP the client takes NumPy's columns of pandas's frames."""
    assert stored(questdb_lab, opened, frame) == found


def test_dates_are_stored(questdb_lab: QuestdbLab, opened: Callable[..., Face]) -> None:
    """17: columns of date objects were refused."""
    frame = pd.DataFrame({"a": [date(2020, 1, 2), None], "b": TWO})
    micros = 1_577_923_200_000_000
    assert stored(questdb_lab, opened, frame, "a::long") == [micros, None]


def test_decimals_are_stored(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """17 and 18: of Arrow's widths, and of objects."""
    questdb_lab.sql(f"create table t (a decimal(20, 3), b long, {SCHEMA}")
    column = pa.array([Decimal("1.25"), None], pa.decimal256(60, 5))
    frame = pa.table({"a": column, "b": TWO})
    assert stored(questdb_lab, opened, frame) == ["1.250", None]


def test_rows_go_to_the_tables_that_a_column_names(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """18: over QWP that was refused."""
    face = opened(conf(questdb_lab))
    frame = pl.DataFrame({"where": ["t", "u", "t"], "x": [1, 2, 3]})
    face.dataframe(frame, table_name_col="where", at=AT)
    face.flush()
    questdb_lab.wait_rows("t", 2)
    questdb_lab.wait_rows("u", 1)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pa.table({"a": [{"x": 1}]}), "write its fields as columns"),
        (pl.LazyFrame({"a": [1]}), "collect"),
        (pd.DataFrame({"a": [time(1)]}), "isoformat"),
        (pd.DataFrame({"a": pd.period_range("2020", periods=1)}), "start_time"),
        (pd.DataFrame({1: [1]}), "write a str"),
        (pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)}), "column 'a'"),
        (pa.table({"a": pa.array([2**63], pa.uint64())}), "row 0: .*64 bits"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_still_refused_says_what_to_write(frame: object, said: str) -> None:
    """18: each names the column, and what would be taken."""
    buffer = Buffer(3)
    with pytest.raises(RowError, match=said):
        buffer.dataframe(frame, table="t", at=None)
    assert len(buffer) == 0


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table, pd.DataFrame, dict])
def test_a_column_of_nothing_at_all_is_left_out(make: Callable[..., object]) -> None:
    """18: it has a type of its own in Arrow, and in polars."""
    frame = make({"a": [None, None], "b": [1, 2]})
    buffer = Buffer().dataframe(frame, table="t", at=None)
    assert bytes(buffer) == b"t b=1i\nt b=2i\n"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pa.table([[1], [2]], names=["a", "a"]),
    ],
    ids=lambda frame: type(frame).__module__,
)
def test_two_columns_of_one_name_are_refused(frame: object) -> None:
    """19: the server would keep the first."""
    with pytest.raises(RowError, match="two columns 'a'"):
        Buffer().dataframe(frame, table="t", at=None)


def test_two_cases_of_one_name_are_refused_by_strict() -> None:
    """19: the same."""
    with pytest.raises(RowError, match="strict=True"):
        Buffer(strict=True).dataframe({"a": [1], "A": [2]}, table="t", at=None)


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, pl.DataFrame])
def test_a_row_of_nothing_is_an_error(make: Callable[..., object]) -> None:
    """4: as in `row`, and it says which one."""
    frame = make({"a": ["x", None]})
    with pytest.raises(RowError, match=r"row 1: .*at least one"):
        Buffer().dataframe(frame, table="t", at=None)


def test_a_frame_that_is_refused_keeps_all_of_its_rows(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """3: the buffer is the same for frames."""
    questdb_lab.sql(f"create table t (a double, b long, {SCHEMA}")
    face = opened(conf(questdb_lab, retry_timeout=0))
    face.dataframe({"a": [1.0, 2.0], "b": TWO}, table="t", at=None)
    questdb_lab.faults.answer(503)
    with pytest.raises(IngestError, match="2 rows were not acknowledged"):
        face.flush()
    assert face.kept == 2
    face.flush()
    questdb_lab.wait_rows("t", 2)


def test_a_frame_of_which_a_batch_fails_is_kept_or_says_how_far_it_came(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """3: whoever cannot tell which rows were added loses them, or adds them twice."""
    options = {"auto_flush_rows": 1000, "auto_flush_interval": "off"}
    face = opened(conf(questdb_lab, retry_timeout=0, protocol_version=2, **options))
    questdb_lab.faults.refuse()
    rows = 50_000
    with pytest.raises(IngestError) as error:
        face.dataframe({"x": np.arange(rows)}, table="t", at=None)
    kept = face.kept
    told = "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])
    assert kept == rows or str(kept) in told

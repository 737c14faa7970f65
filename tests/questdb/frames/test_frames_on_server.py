"""What a real server makes of frames, read back by SQL."""

from __future__ import annotations

import http.client
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moorline.questdb.buffer import Buffer

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

TEXT = 'a "b" \\ \n\r,= é😀\t'
WHEN = [datetime(2020, 1, 2, 3, 4, 5, at, tzinfo=UTC) for at in range(3)]
STAMPS = [f"2020-01-02T03:04:05.{at:06}Z" for at in range(3)]


def columns():
    return {
        "s": pa.array(["x y", None, TEXT]).dictionary_encode(),
        "i": pa.array([1, None, 2**63 - 1]),
        "f": pa.array([0.1 + 0.2, None, -1.5e300]),
        "b": pa.array([True, False, True]),
        "t": pa.array([TEXT, "", None]),
        "m": pa.array([WHEN[2], None, WHEN[1]], pa.timestamp("us", "UTC")),
        "a": pa.array([[1.0, 2.5], None, [3.0]]),
        "ts": pa.array(WHEN, pa.timestamp("us", "UTC")),
    }


EXPECTED = [
    ("x y", 1, 0.1 + 0.2, True, TEXT, STAMPS[2], [1.0, 2.5], STAMPS[0]),
    (None, None, None, False, "", None, None, STAMPS[1]),
    (TEXT, 2**63 - 1, -1.5e300, True, None, STAMPS[1], [3.0], STAMPS[2]),
]


def of_pandas(table):
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = table.to_pandas()
    frame["i"] = table["i"].to_pandas(types_mapper=None, integer_object_nulls=True)
    frame["f"] = frame["f"].astype(object).where(frame["f"].notna(), None)
    return frame


def of_polars(table):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.from_arrow(table)


def of_duckdb(table):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    return duckdb.from_arrow(table)


MAKERS = {
    "pyarrow": lambda table: table,
    "a reader": lambda table: table.to_reader(max_chunksize=1),
    "pandas": of_pandas,
    "polars": of_polars,
    "DuckDB": of_duckdb,
    "a dict of lists": lambda table: table.to_pydict(),
    "dicts": lambda table: iter(table.to_pylist()),
}


def send(lab, buffer):
    with closing(http.client.HTTPConnection(lab.host, lab.http_port)) as conn:
        conn.request("POST", "/write", body=bytes(buffer))
        answer = conn.getresponse()
        assert (answer.status, answer.read()) == (204, b"")


@pytest.mark.parametrize("kind", MAKERS)
def test_a_frame_is_stored_as_it_is(questdb_lab, kind):
    frame = MAKERS[kind](pa.table(columns()))
    buffer = Buffer().dataframe(frame, table="frames", symbols=["s"], at="ts")
    assert buffer.row_count == 3
    send(questdb_lab, buffer)
    questdb_lab.wait_rows("frames", 3)
    found = questdb_lab.sql("select s, i, f, b, t, m, a, timestamp from frames")
    assert found == EXPECTED


def test_a_table_for_each_row_nanoseconds_and_decimals(questdb_lab):
    for name in ("first", "second"):
        questdb_lab.sql(
            f"create table {name} (d decimal(18, 3), ts timestamp_ns) "
            "timestamp(ts) partition by year wal"
        )
    moments = [1_577_836_800_123_456_789 + at for at in range(3)]
    frame = pa.table(
        {
            "where": ["first", "second", "first"],
            "d": pa.array([Decimal("1.5"), Decimal("-0.001"), Decimal(7)]),
            "ts": pa.array(moments, pa.timestamp("ns")),
        }
    )
    buffer = Buffer(3).dataframe(frame, table_name_col="where", at="ts")
    send(questdb_lab, buffer)
    questdb_lab.wait_rows("first", 2)
    questdb_lab.wait_rows("second", 1)
    assert questdb_lab.sql("select * from first") == [
        ("1.500", "2020-01-01T00:00:00.123456789Z"),
        ("7.000", "2020-01-01T00:00:00.123456791Z"),
    ]
    assert questdb_lab.sql("select * from second") == [
        ("-0.001", "2020-01-01T00:00:00.123456790Z"),
    ]

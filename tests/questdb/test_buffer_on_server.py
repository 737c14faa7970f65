"""What a real server makes of the buffer's bytes, read back by SQL."""

from __future__ import annotations

import http.client
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos

LAST = 9_214_646_399_999_999_999


def post(lab, body):
    with closing(http.client.HTTPConnection(lab.host, lab.http_port)) as conn:
        conn.request("POST", "/write", body=bytes(body))
        answer = conn.getresponse()
        return answer.status, answer.read().decode()


def stored(lab, table, count, columns="*"):
    lab.wait_rows(table, count)
    return lab.sql(f"select {columns} from {table}")  # noqa: S608 - our own names


@pytest.mark.parametrize("version", [1, 2, 3])
def test_values_are_stored_as_they_were_given(questdb_lab, version):
    text = 'a "b" \\ \n\r,= é😀\t'
    buffer = Buffer(protocol_version=version)
    columns = {
        "d": 0.1 + 0.2,
        "e": 1e-5,
        "f": 1.5e300,
        "i": 2**63 - 1,
        "b": True,
        "t": text,
        "name 1=2": -7,
        "m": datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    }
    symbols = {"s": text}
    buffer.row("v", symbols=symbols, columns=columns, at=TimestampMicros(7))
    assert post(questdb_lab, buffer) == (204, "")
    columns = 's, d, e, f, i, b, t, "name 1=2", m, timestamp'
    (row,) = stored(questdb_lab, "v", 1, columns)
    assert row == (
        *(text, 0.1 + 0.2, 1e-5, 1.5e300, 2**63 - 1, True, text, -7),
        *("2020-01-02T03:04:05.000006Z", "1970-01-01T00:00:00.000007Z"),
    )


def test_arrays_decimals_and_nanoseconds(questdb_lab):
    questdb_lab.sql(
        "create table w (d decimal(18, 3), a double[][], n timestamp_ns, "
        "ts timestamp_ns) timestamp(ts) partition by year wal"
    )
    buffer = Buffer(protocol_version=3)
    for text in ("1.5", "-0.001", "-0.0", "NaN"):
        columns = {
            "d": Decimal(text),
            "a": [[1.0, 2.0], [3.0, 4.5]],
            "n": TimestampNanos(1_577_836_800_123_456_789),
        }
        buffer.row("w", columns=columns, at=TimestampNanos(LAST))
    assert post(questdb_lab, buffer) == (204, "")
    rows = stored(questdb_lab, "w", 4)
    assert [None if d is None else Decimal(d) for d, *_ in rows] == [
        *(Decimal("1.5"), Decimal("-0.001"), Decimal(0)),
        None,
    ]
    for _, array, nanos, at in rows:
        assert array == [[1.0, 2.0], [3.0, 4.5]]
        assert nanos == "2020-01-01T00:00:00.123456789Z"
        assert at == "2261-12-31T23:59:59.999999999Z"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -(2**63)])
def test_what_strict_refuses_is_null_to_the_server(questdb_lab, value):
    buffer = Buffer().row("n", columns={"x": value, "y": 1}, at=None)
    assert post(questdb_lab, buffer) == (204, "")
    assert stored(questdb_lab, "n", 1, "x, y") == [(None, 1)]


def test_the_server_keeps_the_first_of_two_cases_of_a_name(questdb_lab):
    buffer = Buffer().row("n", columns={"é": 1, "É": 2}, at=None)
    assert post(questdb_lab, buffer) == (204, "")
    assert stored(questdb_lab, "n", 1, '"é"') == [(1,)]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (b" %dn\n" % LAST, 204),
        (b" %dn\n" % (LAST + 1), 400),
        (b" 253402300799999999t\n", 204),
        (b" 253402300800000000t\n", 500),
        (b" -1n\n", 400),
        (b" -1t\n", 400),
    ],
)
def test_the_range_of_designated_timestamps_is_the_servers(questdb_lab, end, status):
    assert post(questdb_lab, b"r x=1i" + end)[0] == status

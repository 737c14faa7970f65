"""The rows that all clients must write alike, or refuse, on servers of three ages.

What we write is read back; what we refuse is written by hand here, and refused as well.
"""

from __future__ import annotations

import http.client
import re
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from moorline.lab import LabError, QuestdbLab, questdb_jar, questdb_java
from moorline.questdb import Buffer, Sender
from tests.questdb.test_interop import SPEC, parts_of, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

# The servers, and the newest protocol version that each reads.
SERVERS = {"9.3.4": 3, "9.0.3": 2, "8.2.0": 1}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[QuestdbLab]:
    try:
        questdb_java.find()
        questdb_jar.find(request.param)
    except LabError as error:
        pytest.skip(str(error))
    with QuestdbLab(version=request.param) as lab:
        yield lab


@pytest.fixture
def lab(server: QuestdbLab) -> QuestdbLab:
    server.reset()
    return server


def post(lab: QuestdbLab, body: bytes) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(lab.host, lab.http_port)) as conn:
        conn.request("POST", "/write", body=body)
        answer = conn.getresponse()
        return answer.status, answer.read().decode()


def create_decimals(lab: QuestdbLab, table: str, columns: dict[str, object]) -> None:
    """Create the columns of decimals, which the server does not do by itself."""
    names = [name for name, value in columns.items() if isinstance(value, Decimal)]
    if names:
        listed = ", ".join(f"{name} decimal(20, 3)" for name in names)
        lab.sql(
            f"create table {table} ({listed}, timestamp timestamp) "
            "timestamp(timestamp) partition by day wal"
        )


def names_of(symbols: dict[str, object], columns: dict[str, object]) -> str:
    return ", ".join(f'"{name}"' for name in (*symbols, *columns))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_all_clients_write_is_read_back(lab: QuestdbLab, version: int) -> None:
    if version > SERVERS[lab.version]:
        value = Decimal(1) if version == 3 else 1.5  # doubles are of version 2
        buffer = Buffer(version).row("t", columns={"x": value}, at=None)
        status, said = post(lab, bytes(buffer))
        assert status == 400
        assert "error in line 1" in said
        return
    for case in SPEC["written"]:
        if version < case.get("since", 1):
            continue
        table, symbols, columns = parts_of(case)
        create_decimals(lab, table, columns)
        buffer = Buffer(protocol_version=version)
        buffer.row(table, symbols=symbols, columns=columns, at=None)
        assert post(lab, bytes(buffer)) == (204, ""), case["name"]
        lab.wait_rows(table, 1)
        (row,) = lab.sql(f'select {names_of(symbols, columns)} from "{table}"')  # noqa: S608 - of the table of cases
        wanted = (*symbols.values(), *columns.values())
        read = [
            Decimal(found) if isinstance(one, Decimal) else found
            for found, one in zip(row, wanted, strict=True)
        ]
        assert read == [*wanted], case["name"]
        lab.sql(f'drop table "{table}"')


def test_what_no_client_writes_is_refused(lab: QuestdbLab) -> None:
    taken = [
        case["name"] for case in refused() if post(lab, by_hand(case))[0] // 100 != 4
    ]
    assert taken == []


def by_hand(case: dict[str, object]) -> bytes:
    """Write a row without looking at the names, in version 1."""
    table, symbols, columns = parts_of(case)
    head = "".join([escaped(table), *(f",{k}={v}" for k, v in pairs(symbols))])
    fields = ",".join(f'{k}="{v}"' for k, v in pairs(columns))
    return f"{head} {fields}\n".encode() if fields else f"{head}\n".encode()


def pairs(values: dict[str, object]) -> Iterator[tuple[str, object]]:
    return ((escaped(name), value) for name, value in values.items())


def escaped(name: str) -> str:
    return re.sub(r"([ ,=\n\r\\])", r"\\\1", name)


def test_a_sender_agrees_with_a_server_of_any_age(lab: QuestdbLab) -> None:
    conf = f"https::addr=localhost:{lab.https_port};tls_roots={lab.ca_file};"
    with Sender.from_conf(conf) as sender:
        sender.row("t", symbols={"s": "a b"}, columns={"x": 42.5}, at=None)
        assert sender.buffer.protocol_version == SERVERS[lab.version]
    lab.wait_rows("t", 1)
    assert lab.sql("select s, x from t") == [("a b", 42.5)]


def test_a_frame_that_is_sent_while_it_is_written(lab: QuestdbLab) -> None:
    """Bodies in chunks, of which only a newer server's were known to be read."""
    rows = 50_000
    frame = {
        "x": np.arange(rows),
        "price": np.arange(rows) / 4,
        "side": ["buy", "sell"] * (rows // 2),
        "ts": (10**18 + np.arange(rows)).astype("datetime64[ns]"),
    }
    with Sender.from_conf(
        f"http::addr={lab.host}:{lab.http_port};auto_flush_rows=1000;"
    ) as sender:
        for _ in range(3):  # the connection is kept, and what was sent is forgotten
            sender.dataframe(frame, table="t", symbols=["side"], at="ts")
            assert len(sender) == 0
    lab.wait_rows("t", 3 * rows)
    assert lab.sql("select count_distinct(x), sum(price) from t") == [
        (rows, 3 * sum(range(rows)) / 4)
    ]

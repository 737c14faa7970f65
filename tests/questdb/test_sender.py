"""Rows to a real server, over HTTP and HTTPS, with and without trouble."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError, RowError, TlsError
from moorline.questdb import Sender, SenderBuilder, TimestampNanos

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

TABLE = "trades"
AT = TimestampNanos(1_700_000_000_123_456_789)
EACH = ("http", "https")


def conf(lab: QuestdbLab, protocol: str = "https", **more: object) -> str:
    port = lab.https_port if protocol == "https" else lab.front.http_port
    options = {"addr": f"localhost:{port}", **more}
    if protocol == "https":
        options |= {"tls_ca": "pem_file", "tls_roots": lab.ca_file}
    return f"{protocol}::" + "".join(f"{k}={v};" for k, v in options.items())


def posts(lab: QuestdbLab) -> list[object]:
    return [one for one in lab.requests if one.method == "POST"]


def add(sender: Sender, number: float = 1.5) -> None:
    sender.row(TABLE, symbols={"side": "buy"}, columns={"price": number}, at=AT)


@pytest.mark.parametrize("protocol", EACH)
def test_rows_arrive(questdb_lab: QuestdbLab, protocol: str) -> None:
    with Sender.from_conf(conf(questdb_lab, protocol)) as sender:
        for number in range(100):
            add(sender, float(number))
        sender.rows(
            TABLE, [("sell", 0.5, AT)], {"side": "symbol", "price": "f64", "ts": "at"}
        )
    questdb_lab.wait_rows(TABLE, 101)
    [(count, total)] = questdb_lab.sql(f"select count(), sum(price) from {TABLE}")  # noqa: S608 - a name of ours
    assert (count, total) == (101, 4950.5)
    assert len(posts(questdb_lab)) == 1


def test_the_documented_client_is_this_one(questdb_lab: QuestdbLab) -> None:
    sender = (
        SenderBuilder("https", "localhost", questdb_lab.https_port)
        .username("admin")
        .password("quest")
        .tls_ca("pem_file")
        .tls_roots(questdb_lab.ca_file)
        .build()
    )
    (
        sender.table(TABLE)
        .symbol("symbol", "BTC-USDT")
        .symbol("side", "buy")
        .column_f64("price", 37779.62)
        .column_f64("amount", 0.5)
        .at_now()
    )
    sender.close()
    questdb_lab.wait_rows(TABLE, 1)
    rows = questdb_lab.sql(f"select symbol, side, price, amount from {TABLE}")  # noqa: S608 - a name of ours
    assert rows == [("BTC-USDT", "buy", 37779.62, 0.5)]


def test_a_row_that_is_not_finished_is_not_sent(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        begun = sender.table(TABLE).column("price", 1.0)
        add(sender)
        sender.flush()
        assert len(sender) == 0
        begun.at(AT)
        assert sender.buffer.row_count == 1
        with pytest.raises(RowError, match="without a row"):
            begun.at(AT)
    questdb_lab.wait_rows(TABLE, 2)


def test_the_variable_is_read(
    questdb_lab: QuestdbLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDB_CLIENT_CONF", conf(questdb_lab))
    with Sender.from_env() as sender:
        add(sender)
    questdb_lab.wait_rows(TABLE, 1)


def test_rows_are_sent_when_enough_have_come_together(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush_rows=10)) as sender:
        for _ in range(9):
            add(sender)
        assert posts(questdb_lab) == []
        add(sender)
        questdb_lab.wait_rows(TABLE, 10)


def test_a_refusal_names_the_row_and_loses_none(questdb_lab: QuestdbLab) -> None:
    sender = Sender.from_conf(conf(questdb_lab))
    add(sender)
    sender.flush()
    add(sender)
    sender.row(TABLE, columns={"price": "dear"}, at=AT)
    before = bytes(sender.buffer)
    for _ in range(2):
        with pytest.raises(IngestError, match='row 2: trades price="dear"') as error:
            sender.flush()
        assert error.value.line == 2
        assert bytes(sender.buffer) == before
    sender.buffer.clear()
    sender.close()


@pytest.mark.parametrize(
    "cut", ["before request", "in request", "in answer", "after answer"]
)
def test_a_connection_that_is_cut_is_replaced(
    questdb_lab: QuestdbLab, cut: str
) -> None:
    questdb_lab.sql(
        f"create table {TABLE} (side symbol, price double, timestamp timestamp_ns) "
        "timestamp(timestamp) partition by day wal dedup upsert keys(timestamp)"
    )
    with Sender.from_conf(conf(questdb_lab)) as sender:
        add(sender)
        questdb_lab.faults.cut(cut)
        sender.flush()
        assert len(sender) == 0
    questdb_lab.wait_rows(TABLE, 1)


def test_a_server_that_closed_an_idle_connection_costs_no_try(
    questdb_lab: QuestdbLab,
) -> None:
    with Sender.from_conf(conf(questdb_lab, retry_timeout=0)) as sender:
        add(sender)
        sender.flush()
        questdb_lab.faults.cut_now()
        add(sender)
        sender.flush()


def test_rows_outlive_a_server_that_is_away(questdb_lab: QuestdbLab) -> None:
    sender = Sender.from_conf(conf(questdb_lab, retry_timeout=0))
    add(sender)
    questdb_lab.faults.refuse()
    with pytest.raises(IngestError, match="1 rows were not acknowledged"):
        sender.flush()
    assert sender.buffer.row_count == 1
    questdb_lab.faults.admit()
    sender.close()
    questdb_lab.wait_rows(TABLE, 1)


def test_a_second_server_takes_what_the_first_does_not(
    questdb_lab: QuestdbLab,
) -> None:
    other = questdb_lab.add_front("127.0.0.1")
    addresses = f"localhost:{questdb_lab.https_port},127.0.0.1:{other.https_port}"
    with Sender.from_conf(conf(questdb_lab, addr=addresses)) as sender:
        add(sender)
        questdb_lab.faults.refuse()
        sender.flush()
    questdb_lab.wait_rows(TABLE, 1)


def test_leaving_the_block_tells_what_was_not_delivered(
    questdb_lab: QuestdbLab,
) -> None:
    sender = Sender.from_conf(conf(questdb_lab))
    sender.row(TABLE, columns={"x": 1}, at=AT)
    sender.row(TABLE, columns={"x": "text"}, at=AT)
    with pytest.raises(IngestError), sender:
        pass
    assert sender.buffer.row_count == 2


def test_an_error_within_the_block_is_not_hidden(questdb_lab: QuestdbLab) -> None:
    questdb_lab.faults.answer(400)
    sender = Sender.from_conf(conf(questdb_lab))
    add(sender)
    with pytest.raises(LookupError) as error, sender:
        raise LookupError("the program's own")
    assert "not delivered either" in error.value.__notes__[0]


def test_threads_may_share_a_sender(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush_rows=50)) as sender:

        def work() -> None:
            for number in range(100):
                add(sender, float(number))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    questdb_lab.wait_rows(TABLE, 400)


def test_a_server_that_is_not_trusted_hears_nothing(questdb_lab: QuestdbLab) -> None:
    port = questdb_lab.https_port
    sender = Sender.from_conf(
        f"https::addr=localhost:{port};username=admin;password=quest;"
    )
    with pytest.raises(
        TlsError, match="whom tls_ca=webpki_and_os_roots does not trust"
    ):
        add(sender)
    assert questdb_lab.requests == ()


def test_a_row_that_cannot_be_written_leaves_the_others(
    questdb_lab: QuestdbLab,
) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        add(sender)
        with pytest.raises(RowError):
            sender.row("a?b", columns={"x": 1}, at=AT)
    questdb_lab.wait_rows(TABLE, 1)

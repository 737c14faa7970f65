"""Both senders by TCP, to a real server: `tests.questdb.test_tcp`, wired up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, IngestError
from moorline.questdb import AsyncSender, Sender, TimestampNanos

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

AT = TimestampNanos(1_700_000_000_123_456_789)
PROTOCOLS = ["tcp", "tcps"]


def conf(lab: QuestdbLab, protocol: str = "tcp", **more: object) -> str:
    port = lab.tcps_port if protocol == "tcps" else lab.front.ilp_port
    options = {"addr": f"localhost:{port}", "protocol_version": 2, **more}
    if protocol == "tcps":
        options["tls_roots"] = lab.ca_file
    return f"{protocol}::" + "".join(
        f"{key}={value};" for key, value in options.items()
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rows_arrive(questdb_lab: QuestdbLab, protocol: str) -> None:
    with Sender.from_conf(conf(questdb_lab, protocol, auto_flush_rows=10)) as sender:
        for number in range(95):
            sender.row("t", columns={"x": float(number)}, at=AT)
        sender.flush()
        sender.table("t").column("x", 95.0).at(AT)
    questdb_lab.wait_rows("t", 96)
    assert questdb_lab.sql("select sum(x) from t") == [(sum(range(96)),)]
    assert len(questdb_lab.streams) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_rows_arrive_by_asyncio(questdb_lab: QuestdbLab, protocol: str) -> None:
    text = conf(questdb_lab, protocol, auto_flush_rows=10)
    async with AsyncSender.from_conf(text) as sender:
        for number in range(95):
            await sender.row("t", columns={"x": float(number)}, at=AT)
    await asyncio.to_thread(questdb_lab.wait_rows, "t", 95)


def test_the_version_is_1_unless_said(questdb_lab: QuestdbLab) -> None:
    text = f"tcp::addr=localhost:{questdb_lab.front.ilp_port};"
    with Sender.from_conf(text) as sender:
        assert sender.buffer.protocol_version == 1
        sender.row("t", columns={"x": 1.5}, at=AT)
    questdb_lab.wait_rows("t", 1)


def test_a_row_that_the_server_cannot_read_is_heard_of(questdb_lab: QuestdbLab) -> None:
    sender = Sender.from_conf(conf(questdb_lab))
    sender.buffer.append(bytearray(b"t x=what\n"))
    with pytest.raises(IngestError, match="closed"):
        sender.close()


def test_a_server_that_is_away_keeps_the_rows(questdb_lab: QuestdbLab) -> None:
    questdb_lab.faults.refuse()
    sender = Sender.from_conf(conf(questdb_lab, auth_timeout=100))
    sender.row("t", columns={"x": 1}, at=AT)
    with pytest.raises(IngestError):
        sender.flush()
    assert sender.buffer.row_count == 1
    questdb_lab.faults.admit()
    sender.close()
    questdb_lab.wait_rows("t", 1)


def test_there_are_no_transactions(questdb_lab: QuestdbLab) -> None:
    with (
        Sender.from_conf(conf(questdb_lab)) as sender,
        pytest.raises(ConfigError, match="write http instead"),
    ):
        sender.transaction("t")


def test_a_sender_goes_on_after_it_was_closed(questdb_lab: QuestdbLab) -> None:
    sender = Sender.from_conf(conf(questdb_lab))
    for _ in range(2):
        sender.row("t", columns={"x": 1}, at=AT)
        sender.close()
    questdb_lab.wait_rows("t", 2)

"""Rows that are stored all or not at all, on a real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, IngestError, RowError
from moorline.questdb import AsyncSender, Sender, TimestampNanos

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

AT = TimestampNanos(1_700_000_000_123_456_789)


def conf(lab: QuestdbLab, **more: object) -> str:
    options = {"addr": f"localhost:{lab.front.http_port}", **more}
    return "http::" + "".join(f"{key}={value};" for key, value in options.items())


def bodies(lab: QuestdbLab) -> int:
    return sum(one.method == "POST" for one in lab.requests)


def test_it_is_one_request_behind_the_senders_rows(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        sender.row("t", columns={"x": 1}, at=AT)
        with sender.transaction("t") as rows:
            rows.row(symbols={"s": "a"}, columns={"x": 2}, at=AT)
            rows.rows([(3, AT), (4, AT)], {"x": "i64", "ts": "at"})
            assert bodies(questdb_lab) == 0
        assert bodies(questdb_lab) == 2
        assert rows.buffer.row_count == 0
    questdb_lab.wait_rows("t", 4)


def test_a_row_that_the_server_refuses_keeps_all_others_out(
    questdb_lab: QuestdbLab,
) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        sender.row("t", columns={"x": 1}, at=AT)
        with pytest.raises(IngestError, match="row 2"), sender.transaction("t") as rows:  # noqa: PT012 - at its end
            rows.row(columns={"x": 2}, at=AT)
            rows.row(columns={"x": "two"}, at=AT)
        assert rows.buffer.row_count == 2
        assert len(sender) == 0
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.sql("select x from t") == [(1,)]


def test_what_was_not_sent_can_be_committed_again(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, retry_timeout=0)) as sender:
        rows = sender.transaction("t").row(columns={"x": 1}, at=AT)
        questdb_lab.faults.answer(503)
        with pytest.raises(IngestError):
            rows.commit()
        rows.commit()
        rows.commit()  # there is nothing left of it
    questdb_lab.wait_rows("t", 1)
    assert bodies(questdb_lab) == 2


def test_an_error_in_the_block_drops_the_rows(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        with pytest.raises(LookupError), sender.transaction("t") as rows:  # noqa: PT012 - at its end
            rows.row(columns={"x": 1}, at=AT)
            raise LookupError
        with pytest.raises(RowError), sender.transaction("t") as rows:  # noqa: PT012 - at its end
            rows.row(columns={"x": 1}, at=AT)
            rows.row(columns={"a.b": 1}, at=AT)
        assert len(sender) == rows.buffer.row_count == 0
    assert bodies(questdb_lab) == 0


async def test_asyncio_has_the_same(questdb_lab: QuestdbLab) -> None:
    async with AsyncSender.from_conf(conf(questdb_lab)) as sender:
        await sender.row("t", columns={"x": 1}, at=AT)
        async with sender.transaction("t") as rows:
            rows.row(columns={"x": 2}, at=AT)
            rows.rows([(3, AT)], {"x": "i64", "ts": "at"})
        assert bodies(questdb_lab) == 2
        with pytest.raises(LookupError):  # noqa: PT012 - at its end
            async with sender.transaction("t") as rows:
                rows.row(columns={"x": 5}, at=AT)
                raise LookupError
        with pytest.raises(IngestError, match="row 1"):
            async with sender.transaction("t") as rows:
                rows.row(columns={"x": "two"}, at=AT)
        assert rows.buffer.row_count == 1
    await asyncio.to_thread(questdb_lab.wait_rows, "t", 3)


async def test_asyncio_needs_an_open_sender(questdb_lab: QuestdbLab) -> None:
    sender = AsyncSender.from_conf(conf(questdb_lab))
    with pytest.raises(ConfigError, match="not open"):
        sender.transaction("t")

"""Rows that QuestDB's own client drops, or keeps for ever, without a word."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError, RowError
from moorline.questdb import AsyncSender, Sender, TimestampNanos
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab
    from tests.questdb.senders import Face

AT = TimestampNanos(1_700_000_000_123_456_789)
TABLE = "create table t (x double, ts timestamp) timestamp(ts) partition by day wal"
REFUSED = "cast error from protocol type: STRING to column type: DOUBLE"


def test_a_failed_flush_keeps_the_rows(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """3: the buffer was empty behind the error, and the good rows were gone with it."""
    questdb_lab.sql(TABLE)
    face = opened(conf(questdb_lab))
    face.row("t", columns={"x": 1.5}, at=AT)
    mark = face.sender.buffer.mark()
    face.row("t", columns={"x": "dear"}, at=AT)
    for _ in range(2):
        with pytest.raises(IngestError, match=REFUSED) as error:
            face.flush()
        assert error.value.line == 2
        assert face.kept == 2
    face.sender.buffer.rewind(mark)
    face.flush()
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.sql("select x from t") == [(1.5,)]


def test_rows_of_several_refusals_stay_in_order(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """3: rows that are added behind a failure are sent behind those that failed."""
    face = opened(conf(questdb_lab, retry_timeout=0))
    for number in range(6):
        questdb_lab.faults.answer(503)
        face.row("t", columns={"x": number}, at=None)
        with pytest.raises(IngestError):
            face.flush()
    face.flush()
    questdb_lab.wait_rows("t", 6)
    assert questdb_lab.sql("select x from t") == [(n,) for n in range(6)]


@pytest.mark.parametrize("columns", [{"x": None}, {}, {"x": float("nan"), "y": None}])
def test_a_row_of_nothing_is_an_error(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], columns: dict[str, object]
) -> None:
    """4: it was dropped. A NaN is something: the server stores a row for it."""
    face = opened(conf(questdb_lab))
    if "y" in columns:
        face.row("t", columns=columns, at=AT)
        face.flush()
        questdb_lab.wait_rows("t", 1)
        return
    with pytest.raises(RowError, match="at least one symbol or column"):
        face.row("t", columns=columns, at=AT)
    assert face.kept == 0


def test_leaving_the_block_raises_what_the_server_said(
    questdb_lab: QuestdbLab,
) -> None:
    """13: the script ended as if all was well, and nothing was stored."""
    questdb_lab.sql(TABLE)
    with (
        pytest.raises(IngestError, match=REFUSED),
        Sender.from_conf(conf(questdb_lab)) as sender,
    ):
        sender.row("t", columns={"x": "dear"}, at=AT)
    assert sender.buffer.row_count == 1
    sender.buffer.clear()


async def test_leaving_the_block_raises_what_the_server_said_async(
    questdb_lab: QuestdbLab,
) -> None:
    """13, with `async with`."""
    questdb_lab.sql(TABLE)
    sender = AsyncSender.from_conf(conf(questdb_lab))
    with pytest.raises(IngestError, match=REFUSED):
        async with sender:
            await sender.row("t", columns={"x": "dear"}, at=AT)
    assert sender.buffer.row_count == 1
    sender.buffer.clear()


def test_an_error_in_the_block_does_not_hide_that_rows_were_not_stored(
    questdb_lab: QuestdbLab,
) -> None:
    """13: what went wrong besides is said in a note."""
    questdb_lab.faults.answer(400, body=b"no")
    sender = Sender.from_conf(conf(questdb_lab))
    sender.row("t", columns={"x": 1}, at=AT)
    with pytest.raises(LookupError) as error, sender:
        raise LookupError("the program's own")
    assert "not delivered either" in error.value.__notes__[0]
    sender.buffer.clear()


def test_rows_of_an_idle_sender_are_sent(questdb_lab: QuestdbLab) -> None:
    """12: they lay in the buffer until another row came, or for ever."""
    sender = Sender.from_conf(conf(questdb_lab, auto_flush_interval=20))
    sender.row("t", columns={"x": 1}, at=AT)
    questdb_lab.wait_rows("t", 1)
    sender.close()
    assert len([one for one in questdb_lab.requests if one.method == "POST"]) == 1


async def test_rows_of_an_idle_asynchronous_sender_are_sent(
    questdb_lab: QuestdbLab,
) -> None:
    """12, for asyncio."""
    sender = AsyncSender.from_conf(conf(questdb_lab, auto_flush_interval=20))
    await sender.row("t", columns={"x": 1}, at=AT)
    await asyncio.to_thread(questdb_lab.wait_rows, "t", 1)
    await sender.close()
    assert len([one for one in questdb_lab.requests if one.method == "POST"]) == 1


def test_rows_of_an_idle_sender_are_tried_again_by_themselves(
    questdb_lab: QuestdbLab,
) -> None:
    """12: and if the server is away when the time has come, once it is back."""
    sender = Sender.from_conf(
        conf(questdb_lab, auto_flush_interval=20, retry_timeout=0)
    )
    _ = sender.buffer  # the version is agreed on
    questdb_lab.faults.answer(503, times=3)
    sender.row("t", columns={"x": 1}, at=AT)
    questdb_lab.wait_rows("t", 1)
    with suppress(IngestError):  # what failed before is told once
        sender.row("t", columns={"x": 2}, at=AT)
    sender.close()
    questdb_lab.wait_rows("t", 2)

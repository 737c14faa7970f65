"""Frames by senders: cut into batches, sent while the next one is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from moorline.errors import RowError
from moorline.questdb import AsyncSender, Buffer, Sender, TimestampNanos
from moorline.questdb.frames.slices import SAMPLE, slices
from moorline.questdb.store import Store

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

FIRST = 1_700_000_000_000_000_000
ROWS = 1000


def conf(lab: QuestdbLab, **more: object) -> str:
    options = {"addr": f"localhost:{lab.front.http_port}", **more}
    return "http::" + "".join(f"{key}={value};" for key, value in options.items())


def posts(lab: QuestdbLab) -> int:
    return sum(one.method == "POST" for one in lab.requests)


def frame(rows: int = ROWS) -> dict[str, list[object]]:
    return {
        "x": list(range(rows)),
        "ts": [TimestampNanos(FIRST + number) for number in range(rows)],
    }


@pytest.mark.parametrize(("rows", "size"), [(300, 10**9), (10**9, 5000), (1, 1)])
def test_slices_are_the_frame(rows: int, size: int) -> None:
    buffer = Buffer().dataframe(frame(), table="t", at="ts")
    parts = list(slices(Buffer().chunks(frame(), table="t", at="ts"), rows, size))
    store = Store()
    for part in parts:
        part.encode(store)
    assert bytes(store) == bytes(buffer)
    assert sum(part.rows for part in parts) == buffer.row_count == ROWS
    assert max(part.rows for part in parts) <= rows
    assert len(parts) > 1


def test_a_short_frame_is_one_slice() -> None:
    chunks = Buffer().chunks(frame(SAMPLE), table="t", at="ts")
    assert [part.rows for part in slices(chunks, 10**9, 1)] == [SAMPLE]


def test_a_frame_is_sent_in_batches(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush_rows=300)) as sender:
        sender.row("t", columns={"x": -1}, at=TimestampNanos(FIRST))
        sender.dataframe(frame(), table="t", at="ts")
    questdb_lab.wait_rows("t", ROWS + 1)
    assert posts(questdb_lab) == 4
    assert questdb_lab.sql("select count_distinct(x) from t") == [(ROWS + 1,)]


async def test_a_frame_is_sent_in_batches_by_asyncio(questdb_lab: QuestdbLab) -> None:
    async with AsyncSender.from_conf(conf(questdb_lab, auto_flush_rows=300)) as sender:
        await sender.dataframe(frame(), table="t", at="ts")
    await asyncio.to_thread(questdb_lab.wait_rows, "t", ROWS)
    assert posts(questdb_lab) == 4


def test_without_auto_flush_it_is_all_or_nothing(questdb_lab: QuestdbLab) -> None:
    bad = frame()
    bad["ts"][-1] = TimestampNanos(-1)
    with Sender.from_conf(conf(questdb_lab, auto_flush="off")) as sender:
        with pytest.raises(RowError, match=f"row {ROWS - 1}: .*before 1970"):
            sender.dataframe(bad, table="t", at="ts")
        assert sender.buffer.row_count == 0
        sender.dataframe(frame(), table="t", at="ts")
        assert sender.buffer.row_count == ROWS
    questdb_lab.wait_rows("t", ROWS)
    assert posts(questdb_lab) == 1


def test_a_transaction_takes_a_frame_whole(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush_rows=300)) as sender:
        with sender.transaction("t") as rows:
            rows.dataframe(frame(), at="ts")
        assert posts(questdb_lab) == 1
    questdb_lab.wait_rows("t", ROWS)


def test_what_is_no_frame_is_refused(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        with pytest.raises(RowError):
            sender.dataframe(7, table="t", at=None)
        assert sender.buffer.row_count == 0

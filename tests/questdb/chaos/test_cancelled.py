"""Senders of asyncio whose callers go away, or lose patience, in the middle of it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError
from moorline.questdb import AsyncSender, TimestampMicros
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.lab import QuestdbLab

TABLE = "t"
ROWS = 60_000
TEXT = "x" * 100
SCHEMA = {"id": "i64", "text": "str", "timestamp": "at"}
PROTOCOLS = pytest.mark.parametrize("protocol", ["http", "https"])
# The body is more than what fits between the two sockets.
PATIENT = {"auto_flush": "off", "retry_timeout": 0, "protocol_version": 2}


def create(lab: QuestdbLab, more: str = "dedup upsert keys(timestamp, id)") -> None:
    lab.sql(
        f"create table {TABLE} (id long, text varchar, timestamp timestamp) "
        f"timestamp(timestamp) partition by day wal {more}"
    )


async def add(sender: AsyncSender, first: int, count: int) -> None:
    rows = [(n, TEXT, TimestampMicros(n)) for n in range(first, first + count)]
    await sender.rows(TABLE, rows, SCHEMA)


async def flushed(sender: AsyncSender) -> None:
    """Flush until nothing is left: a short time may be too short for all of it."""
    while len(sender):
        with suppress(IngestError):
            await sender.flush()


async def deliver_all(lab: QuestdbLab, sender: AsyncSender, count: int) -> None:
    """Send what is kept, within a time, and see that it is there."""
    async with asyncio.timeout(20):
        await flushed(sender)
    assert len(sender) == 0
    await sender.close()
    await asyncio.to_thread(lab.wait_rows, TABLE, count)


async def stuck(lab: QuestdbLab, sender: AsyncSender) -> asyncio.Task[None]:
    """Begin a flush whose body the server does not read, and add rows behind it."""
    await add(sender, 0, 10)
    await sender.flush()  # the connection is there
    await add(sender, 10, ROWS)
    await asyncio.to_thread(lab.faults.freeze)
    flush = asyncio.create_task(sender.flush())
    for _ in range(50):  # into the body
        await asyncio.sleep(0)
    assert sender._outbox.under_way
    await add(sender, 10 + ROWS, 10)
    return flush


@PROTOCOLS
async def test_a_flush_that_is_cancelled_keeps_the_rows(
    questdb_lab: QuestdbLab, protocol: str
) -> None:
    create(questdb_lab)
    sender = AsyncSender.from_conf(conf(questdb_lab, protocol, **PATIENT))
    flush = await stuck(questdb_lab, sender)
    flush.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flush
    assert sender.buffer.row_count == ROWS + 10
    await asyncio.to_thread(questdb_lab.faults.thaw)
    await deliver_all(questdb_lab, sender, ROWS + 20)


@PROTOCOLS
async def test_a_request_that_takes_too_long_keeps_the_rows(
    questdb_lab: QuestdbLab, protocol: str
) -> None:
    create(questdb_lab)
    options = {**PATIENT, "request_timeout": 300, "request_min_throughput": 0}
    sender = AsyncSender.from_conf(conf(questdb_lab, protocol, **options))
    flush = await stuck(questdb_lab, sender)
    with pytest.raises(IngestError):
        await flush
    assert sender.buffer.row_count == ROWS + 10
    await asyncio.to_thread(questdb_lab.faults.thaw)
    await deliver_all(questdb_lab, sender, ROWS + 20)


async def test_a_flush_to_disk_that_is_cancelled_keeps_the_rows(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    create(questdb_lab, "")  # what is on disk and in the buffer would come twice
    options = {**PATIENT, "spool_dir": tmp_path}
    sender = AsyncSender.from_conf(conf(questdb_lab, **options))
    count = 0
    for turn in range(30):
        await add(sender, count, 2000)
        count += 2000
        flush = asyncio.create_task(sender.flush())
        for _ in range(turn):  # a little later each time
            await asyncio.sleep(0)
        await add(sender, count, 10)
        count += 10
        flush.cancel()
        await asyncio.wait([flush])
        assert flush.cancelled() or flush.exception() is None
    async with asyncio.timeout(20):
        await sender.close()
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, count)


class Gate(tzinfo):
    """A timezone that takes until the test says so."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.passed = threading.Event()

    def utcoffset(self, moment: datetime | None) -> timedelta:
        self.reached.set()
        assert self.opened.wait(10)
        self.passed.set()
        return timedelta(0)


async def test_a_frame_that_is_cancelled_adds_nothing_later(
    questdb_lab: QuestdbLab,
) -> None:
    gate = Gate()
    frame = [{"id": 7, "moment": datetime(2026, 1, 1, tzinfo=gate)}]
    sender = AsyncSender.from_conf(conf(questdb_lab, **PATIENT))
    adding = asyncio.create_task(sender.dataframe(frame, table=TABLE, at=None))
    assert await asyncio.to_thread(gate.reached.wait, 10)
    adding.cancel()
    await asyncio.wait([adding])
    # The thread is at it still. Memory that it has must not be used again.
    for number in range(3):
        await sender.row(TABLE, columns={"id": number}, at=None)
        await sender.flush()
    gate.opened.set()
    assert await asyncio.to_thread(gate.passed.wait, 10)
    loop = asyncio.get_running_loop()
    await loop.shutdown_default_executor()  # the thread has come to its end
    assert (len(sender.buffer), sender.buffer.row_count) == (0, 0)
    await sender.close()
    questdb_lab.wait_rows(TABLE, 3)


async def test_a_flush_that_is_cancelled_while_it_is_compressed(
    questdb_lab: QuestdbLab,
) -> None:
    create(questdb_lab)
    sender = AsyncSender.from_conf(conf(questdb_lab, **PATIENT, gzip="on"))
    await add(sender, 0, ROWS)
    for _ in range(3):
        flush = asyncio.create_task(sender.flush())
        await asyncio.sleep(0.002)  # of the 50 ms that it takes, or so
        flush.cancel()
        await asyncio.wait([flush])
        await add(sender, ROWS, 1)
    await deliver_all(questdb_lab, sender, ROWS + 1)

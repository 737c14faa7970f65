"""Rows that are sent without being told to, by real senders to a real server."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError
from moorline.questdb import AsyncSender, Sender, TimestampNanos

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

AT = TimestampNanos(1_700_000_000_123_456_789)
LONG = 600_000  # ms: until then every test is over


def conf(lab: QuestdbLab, **more: object) -> str:
    options = {"addr": f"localhost:{lab.front.http_port}", **more}
    return "http::" + "".join(f"{key}={value};" for key, value in options.items())


def posts(lab: QuestdbLab) -> int:
    return sum(one.method == "POST" for one in lab.requests)


def test_a_row_that_nothing_follows_is_sent(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush_interval=20)) as sender:
        for count in (1, 2):
            sender.row("t", columns={"x": count}, at=AT)
            questdb_lab.wait_rows("t", count)


async def test_a_row_that_nothing_follows_is_sent_by_asyncio(
    questdb_lab: QuestdbLab,
) -> None:
    text = conf(questdb_lab, auto_flush_interval=20)
    async with AsyncSender.from_conf(text) as sender:
        for count in (1, 2):
            await sender.row("t", columns={"x": count}, at=AT)
            await asyncio.to_thread(questdb_lab.wait_rows, "t", count)


def test_nothing_is_sent_where_auto_flush_is_off(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab, auto_flush="off")) as sender:
        for _ in range(100_000):
            sender.row("t", columns={"x": 1}, at=AT)
        assert posts(questdb_lab) == 0
        sender.buffer.clear()


def test_rows_are_taken_while_a_request_is_under_way(questdb_lab: QuestdbLab) -> None:
    options = {"auto_flush_rows": 10, "auto_flush_interval": LONG}
    with Sender.from_conf(conf(questdb_lab, **options)) as sender:
        questdb_lab.faults.delay(0.5)
        for number in range(19):
            sender.row("t", columns={"x": number}, at=AT)
        # The first ten are on their way; none was acknowledged by now.
        assert sender.buffer.row_count == 9
        assert len(sender) > len(sender.buffer)
    questdb_lab.wait_rows("t", 19)
    assert posts(questdb_lab) == 2


def test_sizes_count_as_well(questdb_lab: QuestdbLab) -> None:
    options = {"auto_flush_bytes": 1000, "auto_flush_interval": LONG}
    with Sender.from_conf(conf(questdb_lab, **options)) as sender:
        sender.row("t", columns={"x": "a" * 1000}, at=AT)
        questdb_lab.wait_rows("t", 1)


def test_trouble_in_the_background_is_told_and_nothing_is_lost(
    questdb_lab: QuestdbLab,
) -> None:
    options = {"auto_flush_rows": 5, "auto_flush_interval": LONG, "retry_timeout": 0}
    sender = Sender.from_conf(conf(questdb_lab, **options))
    questdb_lab.faults.answer(503, times=None)
    told = 0
    for number in range(60):
        try:
            sender.row("t", columns={"x": number}, at=AT)
        except IngestError as error:
            told += 1
            assert "kept" in str(error)  # noqa: PT017 - each time
    assert told > 1
    questdb_lab.faults.reset()
    sender.close()
    questdb_lab.wait_rows("t", 60)
    assert questdb_lab.sql("select count_distinct(x) from t") == [(60,)]


async def test_trouble_in_the_background_is_told_to_asyncio(
    questdb_lab: QuestdbLab,
) -> None:
    options = {"auto_flush_rows": 5, "auto_flush_interval": LONG, "retry_timeout": 0}
    sender = AsyncSender.from_conf(conf(questdb_lab, **options))
    questdb_lab.faults.answer(503, times=None)
    told = 0
    for number in range(60):
        try:
            await sender.row("t", columns={"x": number}, at=AT)
        except IngestError:
            told += 1
    assert told > 1
    questdb_lab.faults.reset()
    await sender.close()
    await asyncio.to_thread(questdb_lab.wait_rows, "t", 60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_without_rows(questdb_lab: QuestdbLab) -> None:
    with Sender.from_conf(conf(questdb_lab)) as sender:
        sender.row("t", columns={"x": 0}, at=AT)
        sender.flush()  # so that there is a connection as well
        sender.row("t", columns={"x": 1}, at=AT)
        child = os.fork()
        if not child:
            status = 1
            try:
                if not len(sender):
                    sender.row("t", columns={"x": 2}, at=AT)
                    sender.flush()
                    status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    questdb_lab.wait_rows("t", 3)
    assert sorted(questdb_lab.sql("select x from t")) == [(0,), (1,), (2,)]


PROGRAM = """
from moorline.questdb import Sender
sender = Sender.from_conf({conf!r})
sender.row("t", columns={{"x": 1}}, at=None)
"""


def test_a_program_that_forgets_to_close_sends_at_its_end(
    questdb_lab: QuestdbLab,
) -> None:
    program = PROGRAM.format(conf=conf(questdb_lab, auto_flush="off"))
    subprocess.run([sys.executable, "-c", program], check=True)
    questdb_lab.wait_rows("t", 1)


def test_what_cannot_be_sent_at_the_end_is_said(questdb_lab: QuestdbLab) -> None:
    options = {"auto_flush": "off", "retry_timeout": 0, "protocol_version": 2}
    questdb_lab.faults.refuse()
    program = PROGRAM.format(conf=conf(questdb_lab, **options))
    ended = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "1 rows were not acknowledged" in ended.stderr


def test_a_sender_that_is_dropped_is_warned_of_and_its_rows_are_sent(
    questdb_lab: QuestdbLab,
) -> None:
    sender = Sender.from_conf(conf(questdb_lab, auto_flush_interval=LONG))
    sender.row("t", columns={"x": 1}, at=AT)
    with pytest.warns(ResourceWarning, match="were not sent when"):  # noqa: PT031 - when it goes is up to Python
        del sender
        gc.collect()
    questdb_lab.wait_rows("t", 1)

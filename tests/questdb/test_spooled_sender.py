"""What was flushed outlives the process and the server's absence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError
from moorline.questdb import AsyncSender, Sender, TimestampNanos
from tests.lab.conftest import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.lab import QuestdbLab

AT = TimestampNanos(1_700_000_000_123_456_789)
DEDUP = (
    "create table t (x long, timestamp timestamp_ns) timestamp(timestamp) "
    "partition by day wal dedup upsert keys(timestamp, x)"
)


TABLE = (
    "create table t (x long, timestamp timestamp) timestamp(timestamp) "
    "partition by day wal"
)


def conf(lab: QuestdbLab, folder: Path, **more: object) -> str:
    options = {
        "addr": f"localhost:{lab.front.http_port}",
        "spool_dir": folder,
        "protocol_version": 2,  # so that no server has to be there at first
        "auto_flush_interval": 50,
        "retry_timeout": 200,
        **more,
    }
    return "http::" + "".join(f"{key}={value};" for key, value in options.items())


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.ilp"))


def test_a_flush_needs_no_server(questdb_lab: QuestdbLab, tmp_path: Path) -> None:
    questdb_lab.faults.refuse()
    with Sender.from_conf(conf(questdb_lab, tmp_path)) as sender:
        for number in range(3):
            sender.row("t", columns={"x": number}, at=AT)
            sender.flush()
        assert sender.buffer.row_count == 0
        assert len(files(tmp_path)) == 3
        assert len(sender) > 0
        questdb_lab.faults.admit()
        questdb_lab.wait_rows("t", 3)
    assert files(tmp_path) == []


def test_leaving_the_block_tells_what_is_still_on_disk(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    questdb_lab.faults.refuse()
    sender = Sender.from_conf(conf(questdb_lab, tmp_path))
    with pytest.raises(IngestError) as error, sender:
        sender.row("t", columns={"x": 1}, at=AT)
    assert "1 batches are in spool_dir" in error.value.__notes__[0]
    questdb_lab.faults.admit()
    with Sender.from_conf(conf(questdb_lab, tmp_path)):
        questdb_lab.wait_rows("t", 1)
    assert files(tmp_path) == []


PROGRAM = """
import sys
from moorline.questdb import Sender, TimestampNanos
sender = Sender.from_conf({conf!r})
for number in range(100):
    sender.row("t", columns={{"x": number}}, at=TimestampNanos({at}))
    if number % 10 == 9:
        sender.flush()
        print(number + 1, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("flushed", [10, 50, 100])
def test_a_process_that_is_killed_loses_nothing_that_flush_accepted(
    questdb_lab: QuestdbLab, tmp_path: Path, flushed: int
) -> None:
    questdb_lab.sql(DEDUP)
    questdb_lab.faults.answer(503, times=None)
    program = PROGRAM.format(conf=conf(questdb_lab, tmp_path), at=AT.value)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        while int(process.stdout.readline()) < flushed:
            pass
        os.kill(process.pid, signal.SIGKILL)
    questdb_lab.faults.reset()
    with Sender.from_conf(conf(questdb_lab, tmp_path)) as sender:
        sender.row("t", columns={"x": 1000}, at=AT)
    assert files(tmp_path) == []
    wanted = {*range(flushed), 1000}
    assert eventually(
        lambda: wanted <= {x for (x,) in questdb_lab.sql("select x from t")}
    )


def test_a_batch_that_is_refused_holds_up_no_other(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    questdb_lab.sql(TABLE)
    questdb_lab.faults.refuse()
    sender = Sender.from_conf(conf(questdb_lab, tmp_path))
    for value in (1, "two", 3):
        sender.row("t", columns={"x": value}, at=AT)
        sender.flush()
    questdb_lab.faults.admit()
    with pytest.raises(IngestError, match='row 1: t x="two"') as error:
        sender.close()
    [place] = files(tmp_path)
    assert place.parent.name == "refused"
    assert f"These rows are in {place} now" in error.value.__notes__
    questdb_lab.wait_rows("t", 2)
    assert sorted(questdb_lab.sql("select x from t")) == [(1,), (3,)]


def test_a_refusal_in_the_background_is_told_with_the_next_row(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    questdb_lab.sql(TABLE)
    options = {"auto_flush_interval": 600_000}
    sender = Sender.from_conf(conf(questdb_lab, tmp_path, **options))
    sender.row("t", columns={"x": "one"}, at=AT)
    sender.flush()
    assert eventually(lambda: sender._outbox.refusal is not None)
    with pytest.raises(IngestError, match='t x="one"'):
        sender.row("t", columns={"x": 2}, at=AT)
    sender.close()
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.sql("select x from t") == [(2,)]


async def test_asyncio_has_the_same(questdb_lab: QuestdbLab, tmp_path: Path) -> None:
    questdb_lab.faults.refuse()
    sender = AsyncSender.from_conf(conf(questdb_lab, tmp_path))
    for number in range(3):
        await sender.row("t", columns={"x": number}, at=AT)
        await sender.flush()
    assert len(sender) > len(sender.buffer) == 0
    with pytest.raises(IngestError) as error:
        await sender.close()
    assert "3 batches are in spool_dir" in error.value.__notes__[0]
    questdb_lab.faults.admit()
    async with AsyncSender.from_conf(conf(questdb_lab, tmp_path)) as sender:
        await asyncio.to_thread(questdb_lab.wait_rows, "t", 3)
        await sender.row("t", columns={"x": 3}, at=AT)
        await sender.flush()
        await asyncio.to_thread(questdb_lab.wait_rows, "t", 4)
    assert files(tmp_path) == []


async def test_asyncio_tells_what_was_refused(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    questdb_lab.sql(TABLE)
    with pytest.raises(IngestError, match='t x="one"'):  # noqa: PT012 - at its end
        async with AsyncSender.from_conf(conf(questdb_lab, tmp_path)) as sender:
            await sender.row("t", columns={"x": "one"}, at=AT)
            await sender.row("t", columns={"x": 2}, at=AT)
    [place] = files(tmp_path)
    assert place.parent.name == "refused"

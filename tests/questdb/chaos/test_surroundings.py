"""Programs that are not as small as those of the other tests."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from moorline.errors import BufferFull, IngestError, RowError
from moorline.questdb import Sender, TimestampNanos
from tests.questdb.senders import FACES, KINDS, conf

resource = pytest.importorskip("resource", reason="there are no limits of files")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import QuestdbLab

MANY = 1100  # more than select() can look at
AT = TimestampNanos(1_700_000_000_123_456_789)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * MANY:
        pytest.skip("this machine allows too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    with ExitStack() as files:
        for _ in range(MANY):
            number = os.open(os.devnull, os.O_RDONLY)
            files.callback(os.close, number)
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("protocol", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_with_many_files_open(
    questdb_lab: QuestdbLab, many_files: None, kind: str, protocol: str
) -> None:
    face = FACES[kind](conf(questdb_lab, protocol))
    with closing(face), ExitStack() as undo:
        undo.callback(face.drop)
        for number in range(3):
            face.row("t", columns={"x": number}, at=AT)
            face.flush()  # the second on a connection that is open already
    questdb_lab.wait_rows("t", 3)


def by_row(sender: Sender, thread: int, first: int) -> None:
    sender.row("t", columns={"thread": thread, "number": first}, at=AT)


def by_calls(sender: Sender, thread: int, first: int) -> None:
    sender.table("t").column("thread", thread).column("number", first).at(AT)


def by_schema(sender: Sender, thread: int, first: int) -> None:
    schema = {"thread": "i64", "number": "i64", "timestamp": "at"}
    sender.rows("t", [(thread, first + n, AT) for n in range(5)], schema)


def by_mistake(sender: Sender, thread: int, first: int) -> None:
    with pytest.raises(RowError):
        sender.row("t", columns={"thread": thread, "number": b""}, at=AT)


# How rows are added, and how many.
WAYS = ((by_row, 1), (by_calls, 1), (by_schema, 5), (by_mistake, 0))


def test_threads_flush_add_and_fail_at_once(questdb_lab: QuestdbLab) -> None:
    """Rows of eight threads, of which some flush, while requests fail."""
    questdb_lab.sql(
        "create table t (thread long, number long, timestamp timestamp) "
        "timestamp(timestamp) partition by day wal "
        "dedup upsert keys(timestamp, thread, number)"
    )
    questdb_lab.faults.answer(503, times=10)
    questdb_lab.faults.cut("after answer", times=10)
    questdb_lab.faults.cut("in request", times=10)
    options = {"auto_flush_rows": 50, "auto_flush_interval": 5, "retry_timeout": 20}
    sender = Sender.from_conf(conf(questdb_lab, **options))
    _ = sender.buffer  # the version is agreed on
    told: list[IngestError] = []
    added = [0] * 8

    def work(thread: int) -> None:
        dice = random.Random(thread)
        while added[thread] < 500:
            add, count = dice.choice(WAYS)
            first, added[thread] = added[thread], added[thread] + count
            try:
                add(sender, thread, first)
                if thread % 2 and not dice.randrange(20):
                    sender.flush()
            except IngestError as error:
                told.append(error)  # what was to be added was

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    questdb_lab.faults.reset()
    sender.close()
    assert len(sender) == 0
    assert all(count >= 500 for count in added)
    questdb_lab.wait_rows("t", sum(added))
    assert told


@pytest.mark.parametrize("kind", KINDS)
def test_the_buffer_takes_no_more_than_it_may_while_the_server_is_away(
    questdb_lab: QuestdbLab, kind: str
) -> None:
    """What is refused is known, and what was taken arrives."""
    options = {"max_buf_size": 4096, "init_buf_size": 1024, "retry_timeout": 0}
    more = {"auto_flush_rows": 10, "protocol_version": 2, "auto_flush_interval": "off"}
    face = FACES[kind](conf(questdb_lab, **options, **more))
    questdb_lab.faults.refuse()
    taken = 0
    while True:
        try:
            face.row("t", columns={"x": taken}, at=None)
        except IngestError:
            taken += 1  # it was added, and those that came together were not sent
        except BufferFull:
            break
        else:
            taken += 1
    questdb_lab.faults.admit()
    face.flush()
    face.close()
    questdb_lab.wait_rows("t", taken)
    assert questdb_lab.sql("select x from t") == [(n,) for n in range(taken)]


MADE = "sender = Sender.from_conf(sys.argv[1])\n"
ADDED = "sender.row('t', columns={'x': 1}, at=None)\n"
PROGRAMS = {
    "of the module": MADE + ADDED,
    "that exits": MADE + ADDED + "sys.exit(3)\n",
    "that fails": MADE + ADDED + "raise SystemError\n",
    "of a function": f"def f():\n {MADE} {ADDED}f()\n",
    "of a thread": f"def f():\n {MADE} {ADDED}threading.Thread(target=f).start()\n",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_that_closes_no_sender_loses_no_row(
    questdb_lab: QuestdbLab, program: str
) -> None:
    """What is warned of when Python warns of resources is not seen by default."""
    imports = "import sys, threading\nfrom moorline.questdb import Sender\n"
    command = [sys.executable, "-c", imports + program, conf(questdb_lab)]
    subprocess.run(command, check=False, capture_output=True)
    questdb_lab.wait_rows("t", 1, timeout=3)

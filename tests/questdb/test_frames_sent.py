"""Frames by senders to a real server: sent while they are written, and in trouble."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from moorline.errors import IngestError, RowError
from moorline.questdb import AsyncSender, Sender, TimestampNanos
from tests.questdb.senders import FACES, KINDS, conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from moorline.lab import QuestdbLab
    from tests.questdb.senders import Face

FIRST = 1_700_000_000_000_000_000
ROWS = 1000
MANY = 200_000  # more than what fits between two sockets
HOW = {"table": "t", "at": "ts"}
EACH = pytest.mark.parametrize("protocol", ["http", "https"])


def posts(lab: QuestdbLab) -> int:
    return sum(one.method == "POST" for one in lab.requests)


def frame(rows: int = ROWS) -> dict[str, object]:
    return {
        "x": np.arange(rows),
        "text": ["x" * 50] * rows,
        "ts": (FIRST + np.arange(rows)).astype("datetime64[ns]"),
    }


def spoilt(rows: int = ROWS) -> dict[str, object]:
    """Return a frame whose last row cannot be written."""
    bad = frame(rows)
    bad["ts"][-1] = "NaT"
    return bad


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Give what makes a sender, blocking or of asyncio."""
    made: list[Face] = []

    def start(lab: QuestdbLab, protocol: str = "http", **options: object) -> Face:
        how = {"auto_flush_rows": 300, **options}
        made.append(FACES[request.param](conf(lab, protocol, **how)))
        return made[-1]

    yield start
    for face in made:
        face.close()


@EACH
def test_a_frame_is_one_request(
    make: Callable[..., Face], questdb_lab: QuestdbLab, protocol: str
) -> None:
    sender = make(questdb_lab, protocol)
    sender.row("t", columns={"x": -1, "text": ""}, at=TimestampNanos(FIRST))
    sender.dataframe(frame(MANY), **HOW)
    assert sender.kept == 0
    assert posts(questdb_lab) == 2  # the row, which was there before, and the frame
    sender.dataframe(frame(10), **HOW)
    assert (sender.kept, posts(questdb_lab)) == (10, 2)
    sender.flush()
    questdb_lab.wait_rows("t", MANY + 11)
    assert questdb_lab.sql("select count_distinct(x), sum(length(text)) from t") == [
        (MANY + 1, 50 * (MANY + 10))
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["gzip", "spool_dir"])
def test_what_is_not_streamed_arrives_too(
    questdb_lab: QuestdbLab, tmp_path: Path, kind: str, option: str
) -> None:
    given = {"gzip": "on", "spool_dir": tmp_path}[option]
    sender = FACES[kind](conf(questdb_lab, auto_flush_rows=300, **{option: given}))
    sender.dataframe(frame(), **HOW)
    sender.close()
    questdb_lab.wait_rows("t", ROWS)
    assert posts(questdb_lab) == 4


@EACH
@pytest.mark.parametrize("when", ["in request", "before request"])
def test_a_request_that_is_cut_is_sent_again(
    make: Callable[..., Face], questdb_lab: QuestdbLab, protocol: str, when
) -> None:
    sender = make(questdb_lab, protocol)
    sender.flush()
    questdb_lab.faults.cut(when, times=2)
    sender.dataframe(frame(MANY), **HOW)
    assert sender.kept == 0
    assert posts(questdb_lab) == 3
    questdb_lab.wait_rows("t", MANY)
    assert questdb_lab.sql("select count_distinct(x) from t") == [(MANY,)]


@EACH
def test_what_could_not_be_sent_is_kept(
    make: Callable[..., Face], questdb_lab: QuestdbLab, protocol: str
) -> None:
    sender = make(questdb_lab, protocol, retry_timeout=0, auto_flush_interval="off")
    sender.dataframe(frame(ROWS), **HOW)
    questdb_lab.faults.cut("in request", times=None)
    with pytest.raises(IngestError, match="rows were not acknowledged"):
        sender.dataframe(frame(MANY), **HOW)
    assert sender.kept == MANY
    questdb_lab.faults.reset()
    sender.flush()
    questdb_lab.wait_rows("t", MANY + ROWS)
    assert questdb_lab.sql("select count_distinct(x) from t") == [(MANY,)]


def test_who_wants_to_know_the_length_is_told_it(
    make: Callable[..., Face], questdb_lab: QuestdbLab
) -> None:
    questdb_lab.faults.answer(411)
    sender = make(questdb_lab)
    sender.dataframe(frame(), **HOW)
    assert (sender.kept, posts(questdb_lab)) == (0, 2)
    sender.dataframe(frame(), **HOW)
    sender.flush()
    questdb_lab.wait_rows("t", 2 * ROWS)
    assert posts(questdb_lab) == 6  # four batches, as of whatever is not streamed


def test_what_a_server_refuses_is_kept_and_shown(
    make: Callable[..., Face], questdb_lab: QuestdbLab
) -> None:
    questdb_lab.sql(
        "create table t (x varchar, text double, ts timestamp_ns) timestamp(ts) "
        "partition by day wal"
    )
    sender = make(questdb_lab, auto_flush_interval="off")
    with pytest.raises(IngestError, match=r"cast error[^\n]*\nrow 1: t x=0i") as raised:
        sender.dataframe(frame(), **HOW)
    assert raised.value.status == 400
    assert sender.kept == ROWS
    sender.drop()


def test_a_row_that_cannot_be_written_stops_its_request(
    make: Callable[..., Face], questdb_lab: QuestdbLab
) -> None:
    sender = make(questdb_lab)
    sender.dataframe(frame(), **HOW)
    with pytest.raises(RowError, match=f"row {MANY - 1}: .*timestamp is null") as told:
        sender.dataframe(spoilt(MANY), **HOW)
    assert told.value.__notes__ == ["0 rows of the frame were added"]
    assert sender.kept == 0
    sender.row("t", columns={"x": -1}, at=TimestampNanos(FIRST))
    sender.flush()
    questdb_lab.wait_rows("t", ROWS + 1)


async def test_a_frame_that_is_cancelled_is_not_added(questdb_lab: QuestdbLab) -> None:
    sender = AsyncSender.from_conf(conf(questdb_lab, protocol_version=2))
    await sender.row("t", columns={"x": -1}, at=TimestampNanos(FIRST))
    await sender.flush()  # the connection is there
    await asyncio.to_thread(questdb_lab.faults.freeze)
    adding = asyncio.create_task(sender.dataframe(frame(MANY), **HOW))
    done, _ = await asyncio.wait({adding}, timeout=0.3)  # it waits for the server
    assert not done
    adding.cancel()
    await asyncio.wait({adding})
    assert adding.cancelled()
    assert len(sender) == 0
    await asyncio.to_thread(questdb_lab.faults.thaw)
    await sender.dataframe(frame(), **HOW)
    await sender.close()
    await asyncio.to_thread(questdb_lab.wait_rows, "t", ROWS + 1)


def test_without_auto_flush_it_is_all_or_nothing(
    make: Callable[..., Face], questdb_lab: QuestdbLab
) -> None:
    sender = make(questdb_lab, auto_flush="off", auto_flush_rows="off")
    with pytest.raises(RowError, match=f"row {ROWS - 1}: .*timestamp is null"):
        sender.dataframe(spoilt(), **HOW)
    assert sender.kept == 0
    sender.dataframe(frame(), **HOW)
    assert sender.kept == ROWS
    sender.flush()
    questdb_lab.wait_rows("t", ROWS)
    assert posts(questdb_lab) == 1


def test_the_alarm_is_set_for_a_frame_alone(questdb_lab: QuestdbLab) -> None:
    options = {"auto_flush_rows": "off", "auto_flush_interval": 50}
    with Sender.from_conf(conf(questdb_lab, **options)) as sender:
        sender.dataframe(frame(), **HOW)
        questdb_lab.wait_rows("t", ROWS)


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

"""What a spool holds is delivered in the background, by a thread and by a task."""

from __future__ import annotations

import asyncio
import threading
from queue import Queue
from typing import TYPE_CHECKING

import pytest

from moorline.questdb.async_forwarder import AsyncForwarder
from moorline.questdb.batch import Batch
from moorline.questdb.forwarder import Forwarder
from moorline.questdb.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 10


def batch(number: int) -> Batch:
    return Batch(b"t x=%di\n" % number, 1)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(str(tmp_path))
    yield made
    made.close()


class Road:
    """Empties a spool; fails as often as it was told to."""

    def __init__(self, spool: Spool, failures: int = 0) -> None:
        self.spool = spool
        self.failures = failures
        self.arrived: Queue[bytes] = Queue()
        self.failed: Queue[Exception] = Queue()

    def drain(self) -> None:
        if self.failures:
            self.failures -= 1
            raise LookupError("away")
        while (oldest := self.spool.oldest()) is not None:
            self.spool.remove(oldest)
            self.arrived.put(oldest.path.name[-6:].encode())

    async def drain_async(self) -> None:
        await asyncio.sleep(0)
        self.drain()


def test_what_was_there_and_what_comes_is_delivered(spool: Spool) -> None:
    spool.put(batch(1))
    road = Road(spool)
    forwarder = Forwarder(spool, road.drain, 60, road.failed.put)
    assert road.arrived.get(timeout=PATIENCE)
    spool.put(batch(2))
    forwarder.wake()
    assert road.arrived.get(timeout=PATIENCE)
    forwarder.finish()
    assert len(spool) == 0


def test_a_failure_is_told_and_tried_again(spool: Spool) -> None:
    road = Road(spool, failures=2)
    forwarder = Forwarder(spool, road.drain, 0.01, road.failed.put)
    spool.put(batch(1))
    forwarder.wake()
    assert road.arrived.get(timeout=PATIENCE)
    assert road.failed.qsize() == 2
    forwarder.finish()


def test_the_end_says_what_is_left(spool: Spool) -> None:
    road = Road(spool, failures=1000)
    forwarder = Forwarder(spool, road.drain, 60, road.failed.put)
    spool.put(batch(1))
    before = threading.active_count()
    with pytest.raises(LookupError) as error:
        forwarder.finish()
    assert "1 batches are in spool_dir" in error.value.__notes__[0]
    assert threading.active_count() == before


async def test_a_task_does_the_same(spool: Spool) -> None:
    spool.put(batch(1))
    road = Road(spool, failures=2)
    forwarder = AsyncForwarder(spool, road.drain_async, 0.01, road.failed.put)
    assert await asyncio.to_thread(road.arrived.get, timeout=PATIENCE)
    assert road.failed.qsize() == 2
    spool.put(batch(2))
    forwarder.wake()
    await forwarder.finish()
    assert len(spool) == 0


async def test_the_end_of_a_task_says_what_is_left(spool: Spool) -> None:
    road = Road(spool, failures=1000)
    forwarder = AsyncForwarder(spool, road.drain_async, 60, road.failed.put)
    spool.put(batch(1))
    forwarder.wake()
    with pytest.raises(LookupError) as error:
        await forwarder.finish()
    assert "1 batches are in spool_dir" in error.value.__notes__[0]

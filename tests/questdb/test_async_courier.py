"""Rows are sent while more are taken: the tasks, with a server that is scripted."""

from __future__ import annotations

import asyncio

import pytest

from moorline.questdb import Buffer
from moorline.questdb.async_courier import AsyncCourier
from moorline.questdb.outbox import Outbox
from moorline.questdb.settings import AutoFlush
from tests.questdb.test_courier import written

PATIENCE = 10


class Desk:
    """A sender without a server; batches arrive when the test says so."""

    def __init__(self, rows: int | None = 2, seconds: float | None = None) -> None:
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.answers: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.arrived: list[bytes] = []
        self.outbox = Outbox(AutoFlush(rows, seconds, None))
        self.outbox.buffer = Buffer()
        self.watch = self.outbox.watch()
        self.courier = AsyncCourier(self.outbox, self.carry, self.look)

    def look(self) -> None:
        self.watch = self.outbox.watch()

    async def carry(self, batch) -> bool:
        self.begun.put_nowait(batch.rows)
        answer = await asyncio.wait_for(self.answers.get(), PATIENCE)
        if answer is not None:
            raise answer
        self.arrived.append(bytes(batch.body))
        return False

    async def add(self, number: int) -> None:
        self.outbox.buffer.row("t", columns={"x": number}, at=None)
        if self.outbox.buffer.row_count >= self.watch.rows:
            await self.courier.reached()

    def let_pass(self, answer: Exception | None = None) -> None:
        self.answers.put_nowait(answer)

    async def next(self) -> int:
        return await asyncio.wait_for(self.begun.get(), PATIENCE)

    async def settle(self) -> None:
        await asyncio.wait_for(self.courier._task, PATIENCE)

    def rows(self) -> bytes:
        return bytes(self.outbox.buffer)


async def test_rows_are_taken_while_others_are_on_their_way() -> None:
    desk = Desk()
    await desk.add(1)
    await desk.add(2)
    assert await desk.next() == 2
    await desk.add(3)
    assert desk.rows() == written(3)
    desk.let_pass()
    desk.let_pass()
    await desk.courier.flush()
    assert desk.arrived == [written(1, 2), written(3)]


async def test_whoever_fills_a_second_batch_waits_for_the_first() -> None:
    desk = Desk()
    for number in (1, 2, 3):
        await desk.add(number)
    assert await desk.next() == 2
    waiting = asyncio.create_task(desk.add(4))
    await asyncio.sleep(0)
    assert not waiting.done()
    desk.let_pass()
    await waiting
    assert await desk.next() == 2
    desk.let_pass()
    await desk.courier.flush()
    assert desk.arrived == [written(1, 2), written(3, 4)]


async def test_a_failure_in_the_background_is_told_with_the_next_row() -> None:
    desk = Desk()
    desk.let_pass(LookupError("away"))
    await desk.add(1)
    await desk.add(2)
    await desk.settle()
    assert desk.rows() == written(1, 2)
    with pytest.raises(LookupError, match="away") as error:
        await desk.add(3)
    assert "the last one is kept too" in error.value.__notes__[0]
    desk.let_pass()
    await desk.add(4)  # told once; as many rows again are a reason to try
    await desk.settle()
    assert desk.arrived == [written(1, 2, 3, 4)]


async def test_a_flush_that_fails_or_is_cancelled_keeps_the_rows() -> None:
    desk = Desk()
    await desk.add(1)
    desk.let_pass(LookupError())
    with pytest.raises(LookupError):
        await desk.courier.flush()
    assert await desk.next() == 1
    flush = asyncio.create_task(desk.courier.flush())
    assert await desk.next() == 1
    flush.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flush
    assert desk.rows() == written(1)
    desk.let_pass()
    await desk.courier.flush()
    assert desk.arrived == [written(1)]


async def test_rows_that_have_lain_for_long_enough_are_sent() -> None:
    desk = Desk(rows=None, seconds=0.02)
    for number in (1, 2):
        await desk.add(number)
        assert await desk.next() == 1
        desk.let_pass()
    await desk.settle()
    await desk.courier.stop()
    assert desk.arrived == [written(1), written(2)]


async def test_the_alarm_tries_again_after_a_failure() -> None:
    desk = Desk(rows=None, seconds=0.02)
    desk.let_pass(LookupError())
    desk.let_pass()
    await desk.add(1)
    assert [await desk.next(), await desk.next()] == [1, 1]
    await desk.settle()
    await desk.courier.stop()
    assert desk.arrived == [written(1)]


async def test_many_tasks_lose_nothing() -> None:
    desk = Desk()
    for _ in range(400):
        desk.let_pass()
    await asyncio.gather(*(desk.add(number) for number in range(400)))
    await desk.courier.flush()
    found = b"".join(desk.arrived).splitlines()
    assert sorted(found) == sorted(b"t x=%di" % number for number in range(400))

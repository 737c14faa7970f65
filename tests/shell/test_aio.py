"""What the runner for asyncio offers to those who are not in its loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from moorline.core.steps import Act, Now, Start
from moorline.shell import aio, sync


def test_a_blocking_caller_may_borrow_a_loop_and_waits_for_all_that_was_begun():
    driver = None  # these flows open nothing
    ended = []

    def behind():
        yield Now()
        ended.append(1)

    def flow():
        yield Start(behind())
        return (yield Now())

    async def inside_a_loop():
        return aio.run_blocking(flow(), driver)

    assert isinstance(aio.run_blocking(flow(), driver), float)
    assert isinstance(asyncio.run(inside_a_loop()), float)
    assert ended == [1, 1]


async def test_work_is_begun_in_a_loop_from_any_thread():
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    async def work():
        done.set()

    await asyncio.to_thread(aio.start_soon, loop, work)
    await done.wait()


def test_a_loop_that_is_closed_begins_nothing():
    loop = asyncio.new_event_loop()
    loop.close()
    aio.start_soon(loop, None)


def test_a_function_that_may_block_is_called_off_the_loop():
    def flow():
        return (yield from Act(threading.get_ident))

    async def both():
        return await aio.run(flow(), None), threading.get_ident()

    where, loop = asyncio.run(both())
    assert where != loop
    assert sync.run(flow(), None) == threading.get_ident()


@pytest.mark.parametrize("run", [sync.run, aio.run_blocking])
def test_what_such_a_function_raises_goes_into_the_flow(run):
    def broken():
        raise LookupError("it")

    def flow():
        try:
            yield from Act(broken)
        except LookupError as error:
            return f"handled {error}"

    assert run(flow(), None) == "handled it"

"""Threads that are not left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from moorline.net.threads import to_its_end


async def test_what_a_function_returns():
    assert await to_its_end(lambda: 7) == (7, False)


async def test_what_it_raises():
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)


async def test_who_is_cancelled_waits_for_its_end():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert go_on.wait(10)
        return 7

    task = asyncio.create_task(to_its_end(work))
    assert await asyncio.to_thread(begun.wait, 10)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    assert await task == (7, True)

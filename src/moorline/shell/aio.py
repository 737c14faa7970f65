"""The runner for asyncio: a flow runs in the calling task.

It performs one step after the other and decides nothing. A connection that a flow
opened and did not hand over, for whatever reason, is closed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from moorline.core.steps import Act, Close, Connect, Fetch, Now, Sleep, Start, Wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from moorline.core.flight import Flight
    from moorline.core.flow import Flow, Step
    from moorline.shell.driver import AsyncDriver

__all__ = ["run", "run_blocking", "start_soon"]

R = TypeVar("R")

# asyncio keeps only weak references to tasks.
_background: set[asyncio.Task[None]] = set()


async def run(
    flow: Flow[R],
    driver: AsyncDriver | None = None,
    *,
    perform: Callable[[Step[object]], Awaitable[object]] | None = None,
) -> R:
    """Run `flow` to its end and return its answer.

    Args:
        flow: What to do.
        driver: Performs the steps that are a driver's own; `None`: there are none.
        perform: Performs the steps that are the flow's own; `None`: there are none.
    """
    opened: list[object] = []
    handed: object = None
    try:
        step = flow.send(None)
        while True:
            try:
                result = await _perform(step, driver, opened, perform)
            except Exception as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as done:
        handed = done.value
        return done.value  # type: ignore[no-any-return]  # a generator's own type
    finally:
        try:
            flow.close()
        finally:
            for conn in opened:
                if driver and conn is not handed:
                    await driver.close(conn)


async def _perform(
    step: Step[object],
    driver: AsyncDriver | None,
    opened: list[object],
    perform: Callable[[Step[object]], Awaitable[object]] | None,
) -> object:
    result: object = None
    match step:
        case Now():
            result = time.monotonic()
        case Sleep(seconds):
            await asyncio.sleep(seconds)
        case Connect() if driver:
            result = await driver.connect(step)
            opened.append(result)
        case Fetch() if driver:
            result = await driver.fetch(step)
        case Close(conn) if driver:
            opened.remove(conn)
            await driver.close(conn)
        case Start(flow):
            work = run(flow, driver, perform=perform)
            _keep(asyncio.create_task(work, name="moorline-refresh"))
        case Act(function):
            result = await asyncio.to_thread(function)
        case Wait(flight, timeout):
            result = await _wait(flight, timeout)
        case _ if perform:
            result = await perform(step)
        case _:
            message = f"no runner performs {step!r}"
            raise TypeError(message)
    return result


def run_blocking(flow: Flow[R], driver: AsyncDriver) -> R:
    """Run `flow` for a blocking caller, in a loop and a thread of its own.

    Whatever the flow begins in the background is waited for: its loop ends with it.
    """
    with ThreadPoolExecutor(1, "moorline") as thread:
        return thread.submit(asyncio.run, _run_with_rest(flow, driver)).result()


async def _run_with_rest(flow: Flow[R], driver: AsyncDriver) -> R:
    try:
        return await run(flow, driver)
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest, return_exceptions=True)


def start_soon(
    loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[object, object, None]]
) -> None:
    """Begin work in a loop, from any thread; a loop that is closed does nothing."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(lambda: _keep(loop.create_task(work())))


def _keep(task: asyncio.Task[None]) -> None:
    _background.add(task)
    task.add_done_callback(_background.discard)


async def _wait(flight: Flight[R], timeout: float | None) -> R:  # noqa: ASYNC109 - a step's own
    loop = asyncio.get_running_loop()
    landed = asyncio.Event()

    def wake(_: object) -> None:
        # The flight may land long after this loop is closed: nobody waits there.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(landed.set)

    flight.add_done_callback(wake)
    if flight.done():
        return flight.result(0)
    async with asyncio.timeout(timeout):
        await landed.wait()
    return flight.result(0)

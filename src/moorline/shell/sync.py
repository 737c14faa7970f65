"""The runner for blocking callers: a flow runs in the calling thread.

It performs one step after the other and decides nothing. A connection that a flow
opened and did not hand over, for whatever reason, is closed here.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from moorline.core.steps import Act, Close, Connect, Fetch, Now, Sleep, Start, Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.flow import Flow, Step
    from moorline.shell.driver import SyncDriver

__all__ = ["run"]

R = TypeVar("R")


def run(
    flow: Flow[R],
    driver: SyncDriver | None = None,
    *,
    perform: Callable[[Step[object]], object] | None = None,
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
                result = _perform(step, driver, opened, perform)
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
                    driver.close(conn)


def _perform(
    step: Step[object],
    driver: SyncDriver | None,
    opened: list[object],
    perform: Callable[[Step[object]], object] | None,
) -> object:
    result: object = None
    match step:
        case Now():
            result = time.monotonic()
        case Sleep(seconds):
            time.sleep(seconds)
        case Connect() if driver:
            result = driver.connect(step)
            opened.append(result)
        case Fetch() if driver:
            result = driver.fetch(step)
        case Close(conn) if driver:
            opened.remove(conn)
            driver.close(conn)
        case Start(flow):
            # A daemon: work in the background must not keep a program from ending.
            threading.Thread(
                target=run,
                args=(flow, driver),
                kwargs={"perform": perform},
                name="moorline-refresh",
                daemon=True,
            ).start()
        case Act(function):
            result = function()
        case Wait(flight, timeout):
            result = flight.result(timeout)
        case _ if perform:
            result = perform(step)
        case _:
            message = f"no runner performs {step!r}"
            raise TypeError(message)
    return result

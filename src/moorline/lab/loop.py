"""Run an event loop in a thread of its own, for what tests talk to.

So it serves tests of blocking and of asynchronous programs alike.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread. A child of ``os.fork`` has neither.

    Args:
        name: Of the thread: "moorline-" and what runs in it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        # What add_reader and sock_recv need on every system.
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name=f"moorline-{name}", daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs in this process."""
        return self._thread.is_alive()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have the loop do something; wait until it is done, and return its result.

        Raises LabError where there is no such loop: after `stop`, or after a fork.
        """
        if not self.alive:
            raise LabError(f"the {self._name} is not open in this process")
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result()

    def stop(self) -> None:
        """End the thread, and close the loop. Nothing may be left to be done in it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

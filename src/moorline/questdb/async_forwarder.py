"""The task that delivers what a spool holds, for senders of asyncio."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from moorline.questdb.spool import Spool

__all__ = ["AsyncForwarder"]

logger = logging.getLogger(__name__)


class AsyncForwarder:
    """Does what `moorline.questdb.forwarder.Forwarder` does, with a task.

    Args:
        spool: The batches.
        drain: Delivers them until there are none, or raises.
        pause: Seconds until it is tried again after that.
        failed: Is told why.
    """

    def __init__(
        self,
        spool: Spool,
        drain: Callable[[], Awaitable[None]],
        pause: float,
        failed: Callable[[Exception], None],
    ) -> None:
        self._spool = spool
        self._drain = drain
        self._pause = pause
        self._failed = failed
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        if spool:
            self.wake()

    def wake(self) -> None:
        """Look at the spool: a batch has come."""
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="moorline-questdb")

    async def finish(self) -> None:
        """End the task, and deliver what is left; see `Forwarder.finish`."""
        await self.stop()
        try:
            await self._drain()
        except Exception as error:
            self._spool.note_rest(error)
            raise

    async def stop(self) -> None:
        """End the task, once what it delivers has come to an end."""
        task, self._task = self._task, None
        if task is not None:
            async with self._turn:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        while await self._news.wait():
            self._news.clear()
            try:
                async with self._turn:
                    await self._drain()
            except Exception as error:  # noqa: BLE001 - whoever adds a row is told
                logger.warning("rows in spool_dir were not delivered: %s", error)
                self._failed(error)
                await asyncio.sleep(self._pause)
                self._news.set()

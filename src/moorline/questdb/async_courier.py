"""The tasks that send rows while more are taken, for senders of asyncio.

They do what `moorline.questdb.courier` does with a thread.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from moorline.questdb.batch import Batch
    from moorline.questdb.outbox import Outbox
    from moorline.questdb.store import Store

__all__ = ["AsyncCourier"]

logger = logging.getLogger(__name__)


class AsyncCourier:
    """Sees to it that rows are sent, each batch once the one before has arrived.

    Args:
        outbox: The rows.
        carry: Delivers a batch, or raises; one call at a time. It returns whether its
            caller was cancelled all the same.
        watch: Is called when `Outbox.watch` may say something else than before.
    """

    def __init__(
        self,
        outbox: Outbox,
        carry: Callable[[Batch], Awaitable[bool]],
        watch: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._carry = carry
        self._watch = watch
        self._idle = asyncio.Event()  # nothing is under way
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None  # which the loop would forget

    async def reached(self) -> None:
        """Do what is due after a row: set the alarm, or have the rows sent.

        Raises:
            Exception: Rows could not be sent; once for each time that it was tried.
        """
        outbox = self._outbox
        while not outbox.has_news() and outbox.is_due() and outbox.under_way:
            await self._idle.wait()
        if not outbox.has_news() and outbox.is_due():
            self._send()
        self._arm()
        failure = outbox.tell()
        self._watch()
        if failure is not None:
            failure.add_note("Rows were sent on their own; the last one is kept too")
            raise failure

    async def flush(self) -> None:
        """Deliver all rows, and wait for it.

        Raises:
            Exception: They could not be delivered, and are kept.
        """
        outbox = self._outbox
        while outbox.under_way is not None:
            await self._idle.wait()
        outbox.failure = None  # it is tried again now
        batch = outbox.seal()
        if batch is not None:
            self._idle.clear()
            await self._deliver(batch)

    def keep(self, store: Store, rows: int) -> None:
        """Put rows into the buffer that were not delivered."""
        self._outbox.keep(store, rows)
        self._arm()
        self._watch()

    def refused(self, error: Exception) -> None:
        """Have the next row or flush tell that rows on disk were put aside."""
        self._outbox.refusal = error
        self._watch()

    def tell(self) -> None:
        """Raise what nobody has been told, if there is something.

        Raises:
            Exception: There is.
        """
        told = self._outbox.tell()
        self._watch()
        if told is not None:
            raise told

    async def stop(self) -> None:
        """Set the alarm off, and give up what is under way; it is kept."""
        timer, self._timer = self._timer, None
        task, self._task = self._task, None
        self._outbox.armed = False
        self._watch()
        if timer is not None:
            timer.cancel()
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def _arm(self) -> None:
        """Set the alarm if there is none and there should be."""
        outbox, seconds = self._outbox, self._outbox.auto_flush.seconds
        if seconds is not None and not outbox.armed:
            outbox.armed = True
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._ring)

    def _ring(self) -> None:
        """Send what has lain for long enough."""
        outbox = self._outbox
        outbox.armed = False
        if outbox.under_way is not None or self._send():
            self._arm()
        self._watch()

    def _send(self) -> bool:
        """Begin to deliver what there is; tell whether there is anything."""
        batch = self._outbox.seal()
        if batch is not None:
            self._idle.clear()
            self._task = asyncio.create_task(self._work(batch), name="moorline-questdb")
        return batch is not None

    async def _work(self, batch: Batch) -> None:
        try:
            await self._deliver(batch)
        except Exception as error:  # noqa: BLE001 - whoever adds a row is told
            logger.warning("rows were not delivered, and are kept: %s", error)
            self._outbox.failure = error
            self._watch()

    async def _deliver(self, batch: Batch) -> None:
        try:
            cancelled = await self._carry(batch)
        except BaseException:
            self._outbox.kept()
            raise
        else:
            self._outbox.delivered()
        finally:
            self._idle.set()
        if cancelled:
            raise asyncio.CancelledError

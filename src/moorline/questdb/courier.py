"""The thread that sends rows while more are taken, for blocking senders.

One batch at a time is on its way. Who fills the next one before the last has arrived
waits, so that there are never more than two.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.batch import Batch
    from moorline.questdb.outbox import Outbox
    from moorline.questdb.store import Store

__all__ = ["Courier"]

logger = logging.getLogger(__name__)

_abandoned: set[threading.Thread] = set()


class Courier:
    """Sees to it that rows are sent, each batch once the one before has arrived.

    The thread begins with the first row that is to be sent on its own, and ends with
    `stop`; the next such row begins another.

    Args:
        outbox: The rows.
        carry: Delivers a batch, or raises; one call at a time.
        watch: Is called when `Outbox.watch` may say something else than before.
    """

    def __init__(
        self, outbox: Outbox, carry: Callable[[Batch], None], watch: Callable[[], None]
    ) -> None:
        self._outbox = outbox
        self._carry = carry
        self._watch = watch
        self._changed = threading.Condition()
        self._handed: Batch | None = None  # to the thread, which has not begun yet
        self._alarm = 0.0
        self._thread: threading.Thread | None = None
        self._leave: Callable[[], None] | None = None  # set when the sender is gone

    def reached(self) -> None:
        """Do what is due after a row: set the alarm, or have the rows sent.

        Raises:
            Exception: Rows could not be sent; once for each time that it was tried.
        """
        outbox = self._outbox
        with self._changed:
            while not outbox.has_news() and outbox.is_due() and outbox.under_way:
                self._changed.wait()
            if not outbox.has_news() and outbox.is_due():
                self._handed = outbox.seal()
                self._changed.notify_all()
            self._arm()
            failure = outbox.tell()
            self._watch()
        if failure is not None:
            failure.add_note("Rows were sent on their own; the last one is kept too")
            raise failure

    def flush(self) -> None:
        """Deliver all rows, in this thread.

        Raises:
            Exception: They could not be delivered, and are kept.
        """
        outbox = self._outbox
        with self._changed:
            while outbox.under_way is not None:
                self._changed.wait()
            outbox.failure = None  # it is tried again now
            batch = outbox.seal()
        if batch is not None:
            self._deliver(batch)

    def keep(self, store: Store, rows: int) -> None:
        """Put rows into the buffer that were not delivered."""
        with self._changed:
            self._outbox.keep(store, rows)
            self._arm()
            self._watch()

    def refused(self, error: Exception) -> None:
        """Have the next row or flush tell that rows on disk were put aside."""
        with self._changed:
            self._outbox.refusal = error
            self._watch()

    def tell(self) -> None:
        """Raise what nobody has been told, if there is something.

        Raises:
            Exception: There is.
        """
        with self._changed:
            told = self._outbox.tell()
            self._watch()
        if told is not None:
            raise told

    def stop(self) -> None:
        """End the thread, once what it delivers has come to an end."""
        with self._changed:
            thread, self._thread = self._thread, None
            if self._handed is not None:
                self._handed = None
                self._outbox.kept()
            self._outbox.armed = False  # a row that comes all the same sets it anew
            self._watch()
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    def abandon(self, leave: Callable[[], None]) -> None:
        """Have the thread deliver the rest and end, since the sender is gone.

        Args:
            leave: Closes the connections, in the end.
        """
        with self._changed:
            self._leave = leave
            if self._thread is not None:
                _abandoned.add(self._thread)
            self._changed.notify_all()
        if self._thread is None:
            leave()

    def _arm(self) -> None:
        """Set the alarm if there is none and there should be; begin the thread."""
        outbox, seconds = self._outbox, self._outbox.auto_flush.seconds
        if seconds is not None and not outbox.armed:
            outbox.armed = True
            self._alarm = time.monotonic() + seconds
            self._changed.notify_all()
        if self._thread is None and (outbox.armed or self._handed is not None):
            self._thread = threading.Thread(
                target=self._work, name="moorline-questdb", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._deliver(batch, tell=True)
            except Exception as error:  # noqa: BLE001 - whoever adds a row is told
                logger.warning("rows were not delivered, and are kept: %s", error)
        if self._leave is not None:
            self._leave()
            _abandoned.discard(threading.current_thread())

    def _next(self) -> Batch | None:
        """Wait for a batch to deliver; `None`: there will be none."""
        with self._changed:
            while self._thread is threading.current_thread():
                batch, self._handed = self._handed, None
                batch = batch or self._at_alarm()
                if batch is not None or self._leave is not None:
                    return batch
                left = self._alarm - time.monotonic() if self._outbox.armed else None
                self._changed.wait(left)
        return None

    def _at_alarm(self) -> Batch | None:
        """Return what has lain for long enough."""
        outbox, seconds = self._outbox, self._outbox.auto_flush.seconds
        if self._leave is not None:
            return outbox.seal() if outbox.under_way is None else None
        if not outbox.armed or seconds is None or time.monotonic() < self._alarm:
            return None
        self._alarm = time.monotonic() + seconds
        if outbox.under_way is not None:
            return None
        batch = outbox.seal()
        if batch is None:
            # The next row sets the alarm; one that came just now has not been seen.
            outbox.armed = False
            self._watch()
            outbox.armed = bool(outbox.buffer and outbox.buffer.row_count)
        return batch

    def _deliver(self, batch: Batch, *, tell: bool = False) -> None:
        try:
            self._carry(batch)
        except BaseException as error:
            with self._changed:
                self._outbox.kept()
                if tell and isinstance(error, Exception):
                    self._outbox.failure = error
                    self._watch()
                self._changed.notify_all()
            raise
        with self._changed:
            self._outbox.delivered()
            self._changed.notify_all()


def _wait_for_abandoned() -> None:
    """Wait for all threads whose senders are gone, at the end of a program."""
    for thread in list(_abandoned):
        thread.join()


atexit.register(_wait_for_abandoned)

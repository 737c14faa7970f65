"""The thread that delivers what a spool holds, for blocking senders."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.spool import Spool

__all__ = ["Forwarder"]

logger = logging.getLogger(__name__)


class Forwarder:
    """Delivers the batches of a spool, those of earlier processes first.

    Args:
        spool: The batches.
        drain: Delivers them until there are none, or raises.
        pause: Seconds until it is tried again after that.
        failed: Is told why.
    """

    def __init__(
        self,
        spool: Spool,
        drain: Callable[[], None],
        pause: float,
        failed: Callable[[Exception], None],
    ) -> None:
        self._spool = spool
        self._drain = drain
        self._pause = pause
        self._failed = failed
        self._changed = threading.Condition()
        self._news = bool(spool)
        self._thread: threading.Thread | None = None
        if spool:
            self.wake()

    def wake(self) -> None:
        """Look at the spool: a batch has come."""
        with self._changed:
            self._news = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="moorline-questdb-spool", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """End the thread, and deliver what is left in this one.

        Raises:
            Exception: Some of it could not be delivered; it stays on disk.
        """
        self.stop()
        try:
            self._drain()
        except Exception as error:
            self._spool.note_rest(error)
            raise

    def stop(self) -> None:
        """End the thread, and wait until what it delivers has come to an end."""
        thread = self.dismiss()
        if thread is not None:
            thread.join()

    def dismiss(self) -> threading.Thread | None:
        """Have the thread end when it is done, and return it."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        return thread

    def _work(self) -> None:
        while self._is_wanted():
            try:
                self._drain()
            except Exception as error:  # noqa: BLE001 - whoever adds a row is told
                logger.warning("rows in spool_dir were not delivered: %s", error)
                self._failed(error)
                with self._changed:
                    self._news = True
                    if self._thread is threading.current_thread():
                        self._changed.wait(self._pause)

    def _is_wanted(self) -> bool:
        """Wait for news; tell whether the thread is to go on."""
        with self._changed:
            while self._thread is threading.current_thread():
                if self._news:
                    self._news = False
                    return True
                self._changed.wait()
        return False

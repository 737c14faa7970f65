"""The thread that has tokens renewed in time, one for the process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from moorline.dsql.tokens import renew
from moorline.shell import sync

if TYPE_CHECKING:
    from moorline.dsql.tokens import TokenSource

__all__ = ["Renewal"]


class Renewal:
    """Has each token renewed when it is due, if it is wanted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[TokenSource, float] = {}
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    def expect(self, source: TokenSource) -> None:
        """Come back to a source when its next token is due."""
        at = time.monotonic() + max(0.0, source.due_in())
        with self._changed:
            self._due[source] = at
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="moorline-tokens", daemon=True
                )
                self._thread.start()
            elif at < self._wakes_at:  # otherwise it comes to it by itself
                self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._wakes_at = min(self._due.values(), default=float("inf"))
                left = self._wakes_at - time.monotonic()
                if left > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                now = time.monotonic()
                ready = [source for source, at in self._due.items() if at <= now]
                for source in ready:
                    del self._due[source]
            for source in ready:
                self._renew(source)

    def _renew(self, source: TokenSource) -> None:
        if not source.is_wanted():
            return  # whoever comes next has it signed
        if not source.is_due():
            self.expect(source)  # two clocks that differ, or somebody was faster
            return
        flight, leads = source.claim()
        if leads:  # credentials may take their time: the others shall not wait
            work = renew(source, flight)
            threading.Thread(
                target=sync.run, args=(work,), name="moorline-renewal", daemon=True
            ).start()

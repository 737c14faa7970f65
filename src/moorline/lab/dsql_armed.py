"""Hold the faults that are to happen, until their moment comes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

__all__ = ["Armed", "Moment"]

Moment: TypeAlias = Literal["tls", "login", "statement", "commit"]


@dataclass(slots=True)
class _Fault:
    what: str
    left: int | None  # how many times still; None without end
    containing: str


class Armed:
    """Faults by the moment at which they happen; those armed first happen first.

    Thread-safe: tests arm them, and the front's loop takes them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._faults: defaultdict[Moment, list[_Fault]] = defaultdict(list)
            self._rate: tuple[float, float] | None = None
            self._bucket = (0.0, 0.0)  # logins that are free now, and when that was
            self.clock_skew = 0.0  # seconds
            self.longest: float | None = None  # seconds that a session may last

    def add(
        self, moment: Moment, what: str, times: int | None, containing: str = ""
    ) -> None:
        """Arm a fault, for statements that contain a text."""
        if times is None or times > 0:
            with self._lock:
                self._faults[moment].append(_Fault(what, times, containing))

    def take(self, moment: Moment, text: str = "") -> str | None:
        """Return what is to happen now, None if nothing is."""
        with self._lock:
            waiting = self._faults[moment]
            for fault in waiting:
                if fault.containing in text:
                    if fault.left is not None:
                        fault.left -= 1
                        if not fault.left:
                            waiting.remove(fault)
                    return fault.what
        return None

    def give_back(self, moment: Moment, what: str) -> None:
        """Arm again what was taken and could not happen."""
        with self._lock:
            self._faults[moment].insert(0, _Fault(what, 1, ""))

    def limit_rate(self, per_second: float, burst: float) -> None:
        """Let in so many logins a second, and ``burst`` at once after a rest."""
        with self._lock:
            self._rate = (per_second, burst)
            self._bucket = (burst, time.monotonic())

    def is_too_fast(self) -> bool:
        """Count a login, and tell whether it is one too many."""
        with self._lock:
            if self._rate is None:
                return False
            per_second, burst = self._rate
            free, since = self._bucket
            now = time.monotonic()
            free = min(burst, free + (now - since) * per_second)
            refused = free < 1
            self._bucket = (free if refused else free - 1, now)
            return refused

    def now(self) -> datetime:
        """Return the time by the cluster's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_skew)

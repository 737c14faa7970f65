"""The faults of a front of DSQL, and the state of its cluster."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from moorline.lab import armed

__all__ = ["Armed", "Moment"]

Moment: TypeAlias = Literal["tls", "login", "statement", "commit"]


class Armed(armed.Armed[Moment, str]):
    """Faults, a limit of logins, a clock and a lifetime of sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Disarm everything, and undo the rest."""
        super().reset()
        with self._lock:
            self._rate: tuple[float, float] | None = None
            self._bucket = (0.0, 0.0)  # logins that are free now, and when that was
            self.clock_skew = 0.0  # seconds
            self.longest: float | None = None  # seconds that a session may last

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

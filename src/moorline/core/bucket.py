"""A rate that many callers keep together, as arithmetic without a clock."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Rate", "TokenBucket"]


class Rate(NamedTuple):
    """How many of something are allowed.

    Args:
        per_second: In the long run; more than 0.
        burst: At once, after a rest; 1 or more.
    """

    per_second: float
    burst: float


class TokenBucket:
    """Tells each caller how long to wait so that all of them keep a rate.

    Callers stand in line: each one takes its turn when it asks, even if the turn is
    yet to come, so nobody asks twice. The caller keeps the lock.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._full_at = float("-inf")  # when all that was taken is made up for

    def take(self, now: float) -> float:
        """Take a turn, and return the seconds until it comes: 0 if it is now."""
        per_second, burst = self.rate
        self._full_at = max(self._full_at, now) + 1.0 / per_second
        return max(0.0, self._full_at - now - burst / per_second)

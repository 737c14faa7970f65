"""Schedules of growing delays. This file never sees a clock or dice."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Backoff"]


class Backoff(NamedTuple):
    """Exponential delays with jitter.

    Args:
        base: Delay before the second try, in seconds.
        cap: No delay is longer, in seconds.
        factor: Growth from one delay to the next.
        jitter: Share of a delay that is random, 0 to 1; the rest is certain.
    """

    base: float
    cap: float
    factor: float = 2.0
    jitter: float = 0.5

    def delay(self, failures: int, dice: float) -> float:
        """Return the seconds to wait after `failures` failures in a row.

        Args:
            failures: How many tries have failed, from 1.
            dice: A random number from 0 (included) to 1 (excluded).
        """
        # The exponent is bounded so that a long outage cannot overflow a float.
        grown = self.base * self.factor ** min(failures - 1, 64)
        return min(grown, self.cap) * (1.0 - self.jitter * dice)

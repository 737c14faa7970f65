"""One total time limit for an operation of many steps, as data."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Deadline"]


# In seconds: enough for the round trips of a login over a long way.
SHORTEST = 1.0


class Deadline(NamedTuple):
    """A point on the monotonic clock, up to which attempts share the time.

    Args:
        at: The point; `None` is never.
        least: Seconds that an attempt gets at the least, while so much is left.
    """

    at: float | None = None
    least: float = 2.0

    @classmethod
    def after(cls, now: float, timeout: float | None, least: float = 2.0) -> Deadline:
        """Return the deadline `timeout` seconds from `now`.

        Where there is not time for two attempts of `least` seconds, they are shorter,
        but no less than `SHORTEST`.
        """
        if timeout is None:
            return cls(None, least)
        return cls(now + timeout, min(least, max(timeout / 2, SHORTEST)))

    def or_earlier(self, other: Deadline) -> Deadline:
        """Return the earlier of two deadlines, and the lesser least share."""
        ends = [at for at in (self.at, other.at) if at is not None]
        return Deadline(min(ends, default=None), min(self.least, other.least))

    def over(self, now: float) -> bool:
        """Tell whether no time is left."""
        return self.at is not None and now >= self.at

    def left(self, now: float) -> float | None:
        """Return the seconds left, 0 at the least; `None` for no limit."""
        return None if self.at is None else max(0.0, self.at - now)

    def share(self, now: float, candidates: int) -> float | None:
        """Return what one of so many candidates may take, in seconds.

        An even share, so that one silent node leaves time for the others, but not so
        little that none could answer; never more than what is left.
        """
        if self.at is None:
            return None
        left = max(0.0, self.at - now)
        return min(left, max(left / max(candidates, 1), self.least))

"""One total time limit for an operation of many steps, as data."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Deadline"]

# psycopg and libpq give no attempt less than two seconds, so no share is smaller.
LEAST_SHARE = 2.0


class Deadline(NamedTuple):
    """A point on the monotonic clock; `None` is never."""

    at: float | None = None

    @classmethod
    def after(cls, now: float, timeout: float | None) -> Deadline:
        """Return the deadline `timeout` seconds from `now`."""
        return cls(None if timeout is None else now + timeout)

    def or_earlier(self, other: Deadline) -> Deadline:
        """Return the earlier of two deadlines."""
        ends = [at for at in (self.at, other.at) if at is not None]
        return Deadline(min(ends, default=None))

    def over(self, now: float) -> bool:
        """Tell whether no time is left."""
        return self.at is not None and now >= self.at

    def left(self, now: float) -> float | None:
        """Return the seconds left, 0 at the least; `None` for no limit."""
        return None if self.at is None else max(0.0, self.at - now)

    def share(self, now: float, candidates: int) -> float | None:
        """Return what one of so many candidates may take, in seconds.

        An even share, so that one silent node leaves time for the others, and two
        seconds at the least; never more than what is left.
        """
        if self.at is None:
            return None
        left = max(0.0, self.at - now)
        return min(left, max(left / max(candidates, 1), LEAST_SHARE))

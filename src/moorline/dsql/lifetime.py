"""How long a connection is used: less than the service lets it live.

Aurora DSQL ends a connection after 60 minutes; see its user guide, "Cluster quotas and
database limits". Those that were opened together are not retired together, since a
cluster takes only so many new ones a second.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast
from weakref import WeakSet

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.dsql.login import Target
    from moorline.dsql.tokens import TokenSource

__all__ = ["LONGEST", "Age", "Aged", "Retirement", "age_of", "checked"]

LONGEST = 55 * 60.0  # in seconds: a transaction has five minutes at the most
NEVER = float("-inf")  # nothing is due before it
SPREAD = 10 / 55  # so that the first are retired after 45 minutes


class Age(NamedTuple):
    """When a connection was opened, and its place among those opened with it.

    Args:
        opened_at: On the monotonic clock, in seconds.
        dice: A random number from 0 (included) to 1 (excluded).
        source: Where its token came from, and that of its successor will.
    """

    opened_at: float
    dice: float
    source: TokenSource

    def due_at(self, longest: float) -> float:
        """Return when it is to be retired, if none is used for more than `longest`."""
        return self.opened_at + longest * (1.0 - SPREAD * self.dice)


def age_of(target: Target) -> Age:
    """Return the age of a connection that was opened just now."""
    return Age(time.monotonic(), target.dice(), target.source)


class Aged(Protocol):
    """A connection that knows its age."""

    @property
    def age(self) -> Age:
        """When it was opened."""
        ...


class Timer(Protocol):
    """What wakes a pool, unless it is told not to."""

    def cancel(self) -> object:
        """Do not wake it after all."""
        ...


def checked(longest: float) -> float:
    """Return a lifetime in seconds, if the service leaves that much.

    Raises:
        ConfigError: It does not.
    """
    if not 0 < longest <= LONGEST:
        raise ConfigError(
            f"max_lifetime={longest!r}: write seconds, up to {LONGEST:g}; Aurora DSQL "
            "ends connections after 3600"
        )
    return float(longest)


class Retirement:
    """Knows which of a pool's connections are due, and asks to be woken for the next.

    Args:
        longest: Seconds for which the last of them is used.
        wake_in: Has the pool retire what is due, and call `woken`, after so many
            seconds.
    """

    def __init__(self, longest: float, wake_in: Callable[[float], Timer]) -> None:
        self.longest = longest
        self._wake_in = wake_in
        self._conns: WeakSet[Aged] = WeakSet()
        self._wake_at = float("inf")
        self._timer: Timer | None = None
        self._lock = threading.Lock()  # pools open connections in several threads

    def add(self, conn: object) -> None:
        """Watch a connection that was opened for the pool; it knows its age."""
        aged = cast("Aged", conn)
        with self._lock:
            self._conns.add(aged)
        aged.age.source.holders.add(conn)
        self._aim_at(aged.age.due_at(self.longest))

    def is_due(self, conn: object) -> bool:
        """Tell whether a connection is to be used no more."""
        return time.monotonic() >= cast("Aged", conn).age.due_at(self.longest)

    def woken(self) -> None:
        """Ask to be woken for whichever is due next."""
        with self._lock:
            if self._wake_at == NEVER:
                return
            self._wake_at = float("inf")
            due = [conn.age.due_at(self.longest) for conn in self._conns]
        now = time.monotonic()
        # Those that were due already are taken care of, or in use until they are not.
        self._aim_at(min((at for at in due if at > now), default=float("inf")))

    def stop(self) -> None:
        """Ask no more to be woken: the pool is closed, or gone."""
        with self._lock:
            self._wake_at = NEVER
            if self._timer is not None:
                self._timer.cancel()

    def _aim_at(self, at: float) -> None:
        with self._lock:
            if at >= self._wake_at:
                return
            if self._timer is not None:
                self._timer.cancel()
            self._wake_at = at
            self._timer = self._wake_in(max(0.0, at - time.monotonic()))

"""What became of the transactions on each pool or connection.

Counts are kept as long as what they are about.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Literal, TypeAlias
from weakref import WeakKeyDictionary

from moorline.errors import ConfigError

__all__ = ["Counter", "Stats", "counter_of", "stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How many transactions there were, and what came of them.

    Each one that has ended is one of ``commits``, ``exhausted``, ``unknown`` and
    ``failed``.

    Args:
        transactions: How many began, each counted once.
        commits: How many were committed, those that were looked up included.
        exhausted: How many met conflicts until their policy allowed no more.
        unknown: How many ended without anyone's knowing their outcome.
        failed: How many ended with another error.
        conflicts: How many attempts met a conflict.
        retries: How many attempts were made after another one of the same transaction.
        replaced: How many connections of a pool were found dead at BEGIN.
        resolved: How many lost replies to COMMIT a receipt made up for.
    """

    transactions: int = 0
    commits: int = 0
    exhausted: int = 0
    unknown: int = 0
    failed: int = 0
    conflicts: int = 0
    retries: int = 0
    replaced: int = 0
    resolved: int = 0


Name: TypeAlias = Literal[
    "transactions",
    "commits",
    "exhausted",
    "unknown",
    "failed",
    "conflicts",
    "retries",
    "replaced",
    "resolved",
]


class Counter:
    """Counts for one target; thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[Name, int] = {}

    def add(self, name: Name) -> None:
        """Count one more."""
        with _lock:
            self._counts[name] = self._counts.get(name, 0) + 1

    def read(self) -> Stats:
        """Return what was counted so far."""
        with _lock:
            return Stats(**self._counts)


_lock = threading.Lock()
_counters: WeakKeyDictionary[object, Counter] = WeakKeyDictionary()


def _start_afresh() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it when this forked
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)


def counter_of(target: object) -> Counter:
    """Return what counts for a pool or connection.

    asyncpg's own pool cannot be referred to weakly: for it nothing is kept.
    """
    try:
        with _lock:
            return _counters.setdefault(target, Counter())
    except TypeError:
        return Counter()


def stats(target: object) -> Stats:
    """Return what became of the transactions on a pool or connection so far.

    Raises:
        ConfigError: The target is an ``asyncpg.Pool``, or another object that cannot
            be referred to weakly, so nothing is counted for it.
    """
    try:
        with _lock:
            counter = _counters.get(target)
    except TypeError:
        kind = type(target)
        raise ConfigError(
            f"nothing is counted for {kind.__module__}.{kind.__qualname__}: it cannot "
            "be referred to weakly; use a pool of moorline.dsql.asyncpg"
        ) from None
    return counter.read() if counter else Stats()

"""Environment variables, looked at sparingly.

Looking for a variable that is not set costs a microsecond, and mostly none is. So those
that were not set are looked for again when the number of variables has changed, or
after a second; those that were set are read each time.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Pairs", "Variables"]

Pairs: TypeAlias = "tuple[tuple[str, str], ...]"

TRUST = 1.0  # seconds


class Variables:
    """Some variables of the environment, by name.

    Attributes:
        looks: How often all of them were looked for.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.looks = 0
        self._names = tuple(names)
        self._set: tuple[str, ...] = ()
        self._count = -1
        self._until = 0.0

    def read(self) -> Pairs:
        """Return those that are set, and to something, with their values."""
        now, count = time.monotonic(), len(os.environ)
        if self._count == count and now < self._until:
            return _values(self._set) if self._set else ()
        pairs = _values(self._names)
        self._set = tuple(name for name, _ in pairs)
        self._count, self._until = count, now + TRUST
        self.looks += 1
        return pairs


def _values(names: tuple[str, ...]) -> Pairs:
    get = os.environ.get
    return tuple([(name, value) for name in names if (value := get(name))])

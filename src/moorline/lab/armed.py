"""Hold faults until their moment comes."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Armed"]

M = TypeVar("M")
F = TypeVar("F")


@dataclass(slots=True)
class _Pending(Generic[F]):
    what: F
    left: int | None  # how many times still; None without end
    containing: str


class Armed(Generic[M, F]):
    """Faults by the moment at which they happen; those armed first happen first.

    Thread-safe: tests arm them, and the front's loop takes them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: defaultdict[M, list[_Pending[F]]] = defaultdict(list)

    def reset(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._faults.clear()

    def add(self, moment: M, what: F, times: int | None, containing: str = "") -> None:
        """Arm a fault, for what contains a text."""
        if times is None or times > 0:
            with self._lock:
                self._faults[moment].append(_Pending(what, times, containing))

    def take(self, moment: M, text: str = "") -> F | None:
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

    def give_back(self, moment: M, what: F) -> None:
        """Arm again what was taken and could not happen."""
        with self._lock:
            self._faults[moment].insert(0, _Pending(what, 1, ""))

"""How many connections each node has from this process: counts that heal themselves.

Load is reservations plus the connections that their driver says are open. A
connection is held weakly and asked each time, so one that was closed, broken,
garbage-collected or never came to be leaves the count without a word from anybody.
Nothing is ever set to zero, so nothing can drift.

Asking costs about 0.2 µs per open connection at each pick, and once a second a system
call each, to see whether a server has hung up. Callers hold the lock of
the cluster state around every method but `Load.give_back`.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from moorline.core.address import Address

__all__ = ["Load"]


class Life(NamedTuple):
    """How a driver's connections are asked whether they are open.

    Args:
        is_closed: Quickly, by what the driver knows.
        is_lost: Thoroughly: also when the server has hung up, and nobody noticed yet.
    """

    is_closed: Callable[[object], bool]
    is_lost: Callable[[object], bool]


class Load:
    """Connections per node."""

    __slots__ = ("_given_back", "_heir", "_live", "counts")

    def __init__(self) -> None:
        self.counts: dict[Address, int] = {}
        self._live: list[_Entry] = []
        self._given_back: deque[Address] = deque()
        self._heir: Load | None = None

    def reserve(self, address: Address) -> None:
        """Count a connection that is about to be opened."""
        self.counts[address] = self.counts.get(address, 0) + 1

    def give_back(self, address: Address) -> None:
        """Have a reservation taken back at the next look; needs no lock.

        The collector may close an abandoned flow at any moment, in the very thread
        that holds the lock, and a forked child may close one whose lock is lost.
        """
        if self._heir:
            self._heir.give_back(address)
        else:
            self._given_back.append(address)

    def release(self, address: Address) -> None:
        """Take back one reservation, or the count of a connection that is gone."""
        left = self.counts[address] - 1
        if left:
            self.counts[address] = left
        else:
            del self.counts[address]

    def keep(self, address: Address, conn: object, life: Life) -> None:
        """Let a reservation become the count of the connection that came of it."""
        if self._heir:
            self._heir.keep(address, conn, life)
        else:
            self._live.append((weakref.ref(conn), life, address))

    def inherit(self, other: Load) -> None:
        """Take over the connections and reservations of another load, for good."""
        for address, count in other.sweep().items():
            self.counts[address] = self.counts.get(address, 0) + count
        self._live += other._live
        other.counts, other._live, other._heir = {}, [], self

    def on(self, addresses: Collection[Address]) -> list[object]:
        """Return the open connections to these nodes."""
        self.sweep()
        return [
            conn
            for ref, _, address in self._live
            if address in addresses and (conn := ref()) is not None
        ]

    def sweep(self, *, thorough: bool = False) -> dict[Address, int]:
        """Take out what is no longer open; return the counts, which are then exact."""
        while self._given_back:
            self.release(self._given_back.popleft())
        is_open = _is_alive if thorough else _is_open
        if not all(map(is_open, self._live)):
            live: list[_Entry] = []
            for entry in self._live:
                if is_open(entry):
                    live.append(entry)
                else:
                    self.release(entry[2])
            self._live = live
        return self.counts


_Entry = tuple["weakref.ref[object]", Life, "Address"]


def _is_open(entry: _Entry) -> bool:
    conn = entry[0]()
    return conn is not None and not entry[1].is_closed(conn)


def _is_alive(entry: _Entry) -> bool:
    conn = entry[0]()
    return conn is not None and not entry[1].is_lost(conn)

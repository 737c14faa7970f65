"""The clusters this process talks to: one state each, shared by threads and tasks."""

from __future__ import annotations

import logging
import os
import random
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from moorline.core import events
from moorline.core.state import ClusterState

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from moorline.core.address import Address
    from moorline.core.topology import Topology

__all__ = [
    "Retiring",
    "drain",
    "drained_connections",
    "is_drained",
    "state_for",
    "watch",
]

logger = logging.getLogger("moorline.yugabyte")

_states: dict[Hashable, ClusterState] = {}
_pools: WeakSet[Retiring] = WeakSet()
_lock = threading.Lock()


class Retiring(Protocol):
    """A pool that lets go of connections to nodes that are drained."""

    def retire(self) -> None:
        """Begin to close the idle ones; return at once."""
        ...


def state_for(key: Hashable, contacts: tuple[Address | None, ...]) -> ClusterState:
    """Return the state of the cluster behind these contact points.

    Args:
        key: What names the cluster in this process.
        contacts: Where to ask for its nodes.
    """
    with _lock:
        state = _states.get(key)
        if state is None:
            state = _states[key] = ClusterState(
                contacts,
                new_lock=_the_lock,
                new_flight=Future,
                dice=random.random,
                listen=_log,
                kin=_all,
            )
        return state


def watch(pool: Retiring) -> None:
    """Tell a pool from now on when nodes are drained."""
    _pools.add(pool)


def drain(state: ClusterState, address: Address, *, drained: bool) -> None:
    """Take a node out of use, and have pools let go of it; or put it into use again."""
    state.apply(events.NodeDrained(address, drained))
    if drained:
        for pool in list(_pools):
            pool.retire()


def drained_connections() -> list[object]:
    """Return the open connections to nodes that are drained, of all clusters."""
    found: list[object] = []
    for state in list(_states.values()):
        drained = state.topology.drained
        if drained and state.heir is None:
            found += state.connections(drained)
    return found


def is_drained(conn: object) -> bool:
    """Tell whether the node of a connection is drained."""
    return any(one is conn for one in drained_connections())


def _the_lock() -> threading.Lock:
    """Return the lock that all clusters share, so that two can become one."""
    return _lock


def _all() -> Iterable[ClusterState]:
    return _states.values()


def _log(event: events.Event | events.RefreshFailed, before: Topology) -> None:
    match event:
        case events.NotSmart():
            level = logging.WARNING if before.smart else logging.DEBUG
        case events.NodeFailed() | events.RefreshFailed() | events.Unroutable():
            level = logging.WARNING
        case events.NodeGone() | events.NodeServed() | events.NodeDrained():
            level = logging.INFO
        case _:
            level = logging.DEBUG
    logger.log(level, "%s", event)


def _start_afresh() -> None:
    """Give a forked child its own locks and counts: its parent's are not its own."""
    global _lock  # noqa: PLW0603 - the lock may be held by a thread that is not here
    _lock = threading.Lock()
    for state in _states.values():
        state.start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)

"""Connecting: plan, reserve, connect; then keep, or release, classify, next.

One deadline covers it all, discovery included. A candidate gets its share of what is
left, so a node that accepts and never answers costs that share and is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.attempt import Attempt
from moorline.core.deadline import Deadline
from moorline.core.events import NodeFailed, NodeServed
from moorline.core.faults import Verdict, classify
from moorline.core.plan import hint, survey
from moorline.core.refresh import ensure_listed
from moorline.core.steps import Connect, Now

if TYPE_CHECKING:
    from moorline.core.flow import Flow
    from moorline.core.request import Request
    from moorline.core.state import ClusterState
    from moorline.core.topology import Address

__all__ = ["connect"]

# Seconds for which a node that has no room is left alone: long enough for a few
# connections to be closed, short enough not to empty the node.
FULL_PAUSE = 1.0


def connect(state: ClusterState, request: Request, now: float) -> Flow[object]:
    """Open a connection to the node that should have it.

    Args:
        state: The cluster.
        request: What the caller asks for.
        now: The time, from which the deadline counts.

    Raises:
        NoNodeAvailable: No node could be used.
        DeadlineExceeded: The time was over before one could.
        Exception: The driver's own, if any node would answer so.
    """
    deadline = Deadline.after(now, request.timeout)
    if not state.is_fresh(now, request.interval):
        now = yield from ensure_listed(state, request, now, deadline)
    if not state.topology.smart:
        return (yield from Connect(None, deadline.left(now)))
    attempts: dict[Address, Attempt] = {}
    while True:
        if deadline.over(now):
            raise _late(request, attempts)
        place = state.reserve(request.tiers, attempts, now)
        if place is None:
            raise _give_up(state, request, attempts, now)
        address = place.node.address
        with place:
            try:
                conn = yield from Connect(address, deadline.share(now, place.untried))
            except Exception as error:
                fault = request.dialect.fault_of(error)
                verdict = classify(fault)
                if verdict is Verdict.CALLER:
                    raise
            else:
                place.keep(conn, request.dialect.is_closed)
                if address in state.topology.marks:
                    state.apply(NodeServed(address))
                return conn
        health = state.topology.health(address, now)
        started, now = now, (yield from Now())
        pause = FULL_PAUSE if verdict is Verdict.FULL else request.pause
        attempts[address] = Attempt(
            address,
            fault.reason,
            str(place.node.placement),
            str(place.tier),
            health,
            now - started,
        )
        state.apply(NodeFailed(address, now, now + pause, fault.reason))


def _late(request: Request, attempts: dict[Address, Attempt]) -> Exception:
    return request.dialect.deadline(
        f"no connection within {request.timeout:g} s ({request.dialect.timeout}; "
        f"{request.options})",
        attempts.values(),
        "A node that accepts and does not answer costs its share of this time.",
    )


def _give_up(
    state: ClusterState,
    request: Request,
    attempts: dict[Address, Attempt],
    now: float,
) -> Exception:
    """Return the error that says how each node stood; have the list read again."""
    if attempts:
        state.expire(now)
    topology = state.topology
    standings = survey(topology, request.tiers, state.loads(), now)
    lines = [
        attempts.get(one.node.address)
        or Attempt(
            one.node.address,
            f"not tried: {one.excluded or 'listed meanwhile'}",
            str(one.node.placement),
            str(one.tier) if one.tier else "no tier",
            one.health,
        )
        for one in standings
    ]
    return request.dialect.no_node(
        f"no node could be used: {len(topology.nodes)} known, {len(attempts)} tried "
        f"({request.options})",
        lines,
        hint(topology, request.tiers),
    )

"""Connecting: plan, reserve, connect; then keep, or release, classify, next.

One deadline covers it all, discovery included. A candidate gets its share of what is
left, so a node that accepts and never answers costs that share and is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.attempt import Attempt
from moorline.core.call import Call
from moorline.core.deadline import Deadline
from moorline.core.events import NodeFailed, NodeServed
from moorline.core.faults import Verdict, answered, classify
from moorline.core.plan import hint, survey
from moorline.core.reach import endpoints, pause_after, reach, reach_endpoint, try_again
from moorline.core.refresh import ensure_listed
from moorline.core.steps import Connect, Now

if TYPE_CHECKING:
    from moorline.core.flow import Flow
    from moorline.core.request import Request
    from moorline.core.state import ClusterState, Reservation

__all__ = ["connect"]

# How many nodes are tried in vain before a contact point is taken to stand for all.
ENOUGH = 3


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
    deadline = Deadline.after(now, request.timeout, request.dialect.least_share)
    call = Call(state.home, request, deadline, now, attempts={}, trials=set())
    if not call.state.is_ready(now, request.interval):
        conn = yield from _make_ready(call)
        if conn is not None:
            return conn
    while not deadline.over(call.now):
        # Until a node has served, a contact point behind which they all are is kept
        # in mind, with its share of the time.
        spare = 0 if call.state.proven else len(endpoints(call))
        place = None
        if not spare or len(call.attempts) < ENOUGH:
            place = _next_place(call)
        if place is None:
            conn = yield from reach_endpoint(call)
            if conn is None:
                raise _give_up(call)
            return conn
        with place:
            if place.is_trial and place.untried > 1 and not call.is_last_resort:
                serves = yield from try_again(call, place)
                if not serves:
                    continue
            conn = yield from _try(call, place, place.untried - 1 + spare)
        if conn is not None:
            return conn
    raise _late(call)


def _make_ready(call: Call) -> Flow[object | None]:
    """See to it that nodes can be chosen; where they cannot, return a connection."""
    now = yield from ensure_listed(call.state, call.request, call.now, call.deadline)
    call.state, call.now = call.state.home, now
    topology = call.state.topology
    if not topology.smart:
        return (yield from Connect(None, call.deadline.left(now)))
    if not topology.routable:
        return (yield from reach_endpoint(call))
    return None


def _next_place(call: Call) -> Reservation | None:
    reserve, tiers = call.state.reserve, call.request.tiers
    if not call.trials:
        return reserve(tiers, call.attempts, call.now)
    place = reserve(tiers, {*call.attempts, *call.trials}, call.now)
    if place is None:
        call.is_last_resort = True
        place = reserve(tiers, call.attempts, call.now)
    return place


def _try(call: Call, place: Reservation, others: int) -> Flow[object | None]:
    """Connect to the node of a place and keep it; `None` if the node cannot serve."""
    state, request, node = call.state, call.request, place.node
    try:
        if request.address_map is None and node.public_host in ("", node.address.host):
            # As `reach` would do it: most nodes have one address, and most connects
            # are spared its generators.
            share = call.deadline.share(call.now, others + 1)
            conn = yield Connect(node.address, share)
        else:
            conn = yield from reach(call, node, others)
    except Exception as error:
        fault = request.dialect.fault_of(error)
        if classify(fault) is Verdict.CALLER:
            raise
    else:
        place.keep(conn, request.dialect.life)
        topology = state.topology
        if node.address in topology.marks or not topology.routable:
            state.apply(NodeServed(node.address))
        return conn
    health = state.topology.health(node.address, call.now)
    began, call.now = call.now, (yield from Now())
    pause = pause_after(fault, request)
    call.attempts[node.address] = Attempt(
        node.address,
        fault.reason,
        str(node.placement),
        str(place.tier),
        health,
        call.now - began,
        answered(fault),
    )
    state.apply(NodeFailed(node.address, call.now, call.now + pause, fault.reason))
    return None


def _late(call: Call) -> Exception:
    request = call.request
    return request.dialect.deadline(
        f"no connection within {request.timeout:g} s ({request.dialect.timeout}; "
        f"{request.options})",
        call.attempts.values(),
        "A node that accepts and does not answer costs its share of this time.",
    )


def _give_up(call: Call) -> Exception:
    """Return the error that says how each node stood; have the list read again."""
    state, request, attempts = call.state, call.request, call.attempts
    if attempts:
        state.expire(call.now)
    topology = state.topology
    standings = survey(topology, request.tiers, state.loads(), call.now)
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
    nodes = {one.node.address for one in standings}
    lines += [attempt for address, attempt in attempts.items() if address not in nodes]
    return request.dialect.no_node(
        f"no node could be used: {len(nodes)} known, {len(attempts)} tried "
        f"({request.options})",
        lines,
        hint(topology, request.tiers),
    )

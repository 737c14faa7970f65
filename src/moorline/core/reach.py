"""Where to dial a node: at its private or public address, or wherever a map says.

What worked is remembered, and what did not is tried again in the background. When no
node can be reached at all, a contact point that is no node itself stands for all of
them: a load balancer, a NAT, a port forward.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorline.core.address import Address
from moorline.core.attempt import Attempt
from moorline.core.events import NodeFailed, NodeReached, NodeServed, Unroutable
from moorline.core.faults import Verdict, answered, classify
from moorline.core.plan import rank
from moorline.core.steps import Close, Connect, Now, Start, Wait

if TYPE_CHECKING:
    from moorline.core.call import Call
    from moorline.core.faults import Fault
    from moorline.core.flight import Flight
    from moorline.core.flow import Flow
    from moorline.core.request import Request
    from moorline.core.state import ClusterState, Reservation
    from moorline.core.topology import Node, Topology

__all__ = [
    "endpoints",
    "needs_retest",
    "pause_after",
    "reach",
    "reach_endpoint",
    "retest",
    "try_again",
    "ways_to",
]

PORTS = range(1, 65536)
# Seconds for which a node that has no room is left alone: long enough for a few
# connections to be closed, short enough not to empty the node.
FULL_PAUSE = 1.0
# In seconds: for one address, when nobody waits for it.
RETEST_LIMIT = 2.0
# In seconds: what a caller waits for a node that is tried again behind its back.
TRIAL_WAIT = 0.25
# How many nodes one look in the background tries, so that it ends.
RETEST_NODES = 5


def ways_to(node: Node, request: Request, topology: Topology) -> tuple[Address, ...]:
    """Return the addresses at which a node may be dialled, the best first."""
    listed = node.address
    if request.address_map is not None:
        return (_mapped(listed, request),)
    if node.public_host in ("", listed.host):
        return (listed,)
    ways = (listed, _named(listed, node.public_host, listed.port))
    known = topology.ways.get(listed)
    public = _are_public(topology, request) if known is None else known != listed
    return ways[::-1] if public else ways


def _mapped(listed: Address, request: Request) -> Address:
    assert request.address_map is not None  # noqa: S101 - the caller looked
    found: object = request.address_map(listed.host, listed.port)
    match found:
        case (str(host), int(port)) if port in PORTS and port is not True:
            return _named(listed, host, port)
        case _:
            raise request.dialect.config_error(
                f"address_map gave {found!r} for {listed}: return a host and a port"
            )


def _named(listed: Address, host: str, port: int) -> Address:
    """Return where to dial, with the name that a certificate is to be checked against.

    A node that is listed by name keeps it when it is dialled at a bare address.
    """
    if _is_bare(host) and not _is_bare(listed.host):
        return Address(listed.host, port, host)
    return Address(host, port)


def _is_bare(host: str) -> bool:
    """Tell whether a host is an IP address and no name."""
    return ":" in host or re.fullmatch(r"[\d.]+", host) is not None


def _are_public(topology: Topology, request: Request) -> bool:
    """Guess whether this program is outside: from its contacts, from other nodes."""
    if topology.ways:
        return bool(_elsewhere(topology))
    said = {host for c in request.contacts if c for host in (c.host, c.hostaddr)}
    return any(node.public_host in said - {""} for node in topology.nodes)


def reach(call: Call, node: Node, others: int) -> Flow[object]:
    """Connect to a node, at the first of its addresses that answers.

    Args:
        call: Whose connection it is.
        node: The node.
        others: How many candidates there are beside it, to share the time with.

    Raises:
        Exception: The driver's own, from the last address.
    """
    state, deadline, now = call.state, call.deadline, call.now
    ways = ways_to(node, call.request, state.topology)
    for index, way in enumerate(ways, 1):
        share = deadline.share(now, others + 1 + len(ways) - index)
        try:
            conn = yield from Connect(way, share)
        except Exception as error:
            if index == len(ways) or answered(call.request.dialect.fault_of(error)):
                raise
            now = yield from Now()
            if deadline.over(now):
                raise
        else:
            if len(ways) > 1 and state.topology.ways.get(node.address) != way:
                state.apply(NodeReached(node.address, way))
            return conn
    raise AssertionError("a node has an address")


def endpoints(call: Call) -> tuple[Address | None, ...]:
    """Return the contact points that may stand for the nodes.

    Only when every node would do, since nobody knows which one is behind them, and
    when none of those that were tried gave any answer.
    """
    topology, request, attempts = call.state.topology, call.request, call.attempts
    ranks = rank(topology, request.tiers)
    if sum(map(len, ranks)) < len(topology.nodes):
        return ()
    if any(one.answered for one in attempts.values()):
        return ()
    known = {node.address for node in topology.nodes} | attempts.keys()
    return tuple(contact for contact in request.contacts if contact not in known)


def reach_endpoint(call: Call) -> Flow[object | None]:
    """Connect through a contact point that is no node; `None` if there is no way."""
    open_ones = endpoints(call)
    for index, endpoint in enumerate(open_ones):
        began = call.now
        if call.deadline.over(began):
            return None
        share = call.deadline.share(began, len(open_ones) - index)
        try:
            conn = yield from Connect(endpoint, share)
        except Exception as error:
            fault = call.request.dialect.fault_of(error)
            if classify(fault) is Verdict.CALLER:
                raise
            call.now = yield from Now()
            call.attempts[endpoint] = Attempt(
                endpoint, fault.reason, "contact point", seconds=call.now - began
            )
        else:
            if call.state.topology.routable:
                call.state.apply(Unroutable())
            return conn
    return None


def pause_after(fault: Fault, request: Request) -> float:
    """Return for how many seconds a node is left alone after a fault."""
    return FULL_PAUSE if classify(fault) is Verdict.FULL else request.pause


def try_again(call: Call, place: Reservation) -> Flow[bool]:
    """See in the background whether a node that had failed serves; wait a moment.

    So a node that answers is used at once, and one that is still silent costs a caller
    this moment and not its share of the time.

    Returns:
        Whether it serves, as far as is known by then.
    """
    flight = call.state.new_trial()
    yield from Start(_trial(call.state, call.request, place.node, flight))
    left = call.deadline.left(call.now)
    moment = TRIAL_WAIT if left is None else min(TRIAL_WAIT, left)
    try:
        serves = yield from Wait(flight, moment)
    except TimeoutError:
        serves = False
    call.now = yield from Now()
    if not serves:
        call.trials.add(place.node.address)
    return serves


def _trial(
    state: ClusterState, request: Request, node: Node, flight: Flight[bool]
) -> Flow[None]:
    serves = False
    try:
        fault = yield from _probe_all(request, ways_to(node, request, state.topology))
        serves = fault is None or classify(fault) is Verdict.CALLER
        if fault is None or serves:
            state.apply(NodeServed(node.address))
        else:
            now = yield from Now()
            until = now + pause_after(fault, request)
            state.apply(NodeFailed(node.address, now, until, fault.reason))
    finally:
        flight.set_result(serves)


def _probe_all(request: Request, ways: tuple[Address, ...]) -> Flow[Fault | None]:
    """Probe the addresses of a node until one answers; return the last fault."""
    fault: Fault | None = None
    for way in ways:
        fault = yield from _probe(request, way)
        if fault is None or answered(fault):
            break
    return fault


def _probe(request: Request, way: Address) -> Flow[Fault | None]:
    """Connect and close; return why that was not possible."""
    try:
        conn = yield from Connect(way, RETEST_LIMIT, control=True)
    except Exception as error:  # noqa: BLE001 - described: any driver, any error
        return request.dialect.fault_of(error)
    yield from Close(conn)
    return None


def needs_retest(topology: Topology) -> bool:
    """Tell whether nodes are not reached where they are listed."""
    return not topology.routable or bool(_elsewhere(topology))


def _elsewhere(topology: Topology) -> set[Address]:
    """Return the nodes that were reached at another address than is listed."""
    return {listed for listed, way in topology.ways.items() if way != listed}


def retest(state: ClusterState, request: Request) -> Flow[None]:
    """Try again, for nobody in particular, what could not be reached."""
    topology = state.topology
    nodes = topology.nodes
    if topology.routable:
        elsewhere = _elsewhere(topology)
        nodes = tuple(n for n in nodes if n.address in elsewhere)
    for node in nodes[:RETEST_NODES]:
        for way in ways_to(node, request, topology):
            if way == topology.ways.get(node.address):
                continue
            if (yield from _probe(request, way)) is None:
                state.apply(NodeReached(node.address, way))
                break

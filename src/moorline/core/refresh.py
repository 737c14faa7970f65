"""Reading the list of nodes: claimed by one caller, shared by all, never for ever.

A cluster that is known is refreshed behind the callers' backs: they go on with the
last list. Only the first list is waited for, and never beyond the caller's deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.core import events
from moorline.core.attempt import Attempt
from moorline.core.deadline import Deadline
from moorline.core.faults import Fault, Verdict, answered, classify, sqlstate_of
from moorline.core.flight import Abandoned, Landed, Refused, Unreachable
from moorline.core.identity import is_other
from moorline.core.reach import needs_retest, retest, ways_to
from moorline.core.steps import Close, Connect, Fetch, Now, Start, Wait
from moorline.core.topology import diff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.core.address import Address
    from moorline.core.flight import Discovery, Outcome
    from moorline.core.flow import Flow
    from moorline.core.request import Request
    from moorline.core.state import ClusterState
    from moorline.core.steps import Row
    from moorline.core.topology import Node

__all__ = ["ensure_listed", "read_list", "refresh"]

NEVER = Deadline()
# In seconds, for one reading of the list, all contact points together.
REFRESH_LIMIT = 10.0


class Listing(NamedTuple):
    """The nodes that a server lists, and the name of its cluster."""

    nodes: tuple[Node, ...]
    universe: str


def ensure_listed(
    state: ClusterState, request: Request, now: float, deadline: Deadline
) -> Flow[float]:
    """See to it that the nodes are known; start a refresh if one is due.

    Args:
        state: The cluster.
        request: Whose credentials and intervals are used.
        now: The time.
        deadline: Until when the caller waits, if nothing is known yet.

    Returns:
        The time when that was done.
    """
    if state.topology.listed_at is None:
        return (yield from read_list(state, request, now, deadline))
    claim = state.claim(now, request.interval)
    if claim.flight and claim.leads:
        yield from _start(state, request, claim.flight, now)
    return now


def read_list(
    state: ClusterState,
    request: Request,
    now: float,
    deadline: Deadline,
    *,
    force: bool = False,
) -> Flow[float]:
    """Have the list of nodes read, by this caller or by whoever is at it; wait for it.

    Args:
        state: The cluster.
        request: Whose credentials and intervals are used.
        now: The time.
        deadline: Until when the caller waits.
        force: Read the list again even if it is fresh.

    Returns:
        The time when that was done.
    """
    while True:
        state = state.home
        claim = state.claim(now, request.interval, force=force)
        if claim.flight is None:
            return now
        if claim.leads:
            yield from refresh(state, request, claim.flight, deadline)
        try:
            outcome = yield from Wait(claim.flight, deadline.left(now))
        except TimeoutError:
            raise _late(request, state) from None
        now = yield from Now()
        match outcome:
            case Landed():
                return now
            case Unreachable(attempts):
                raise _unreachable(request, state, attempts)
            case Refused(error) if claim.leads:
                raise error
            case _:  # It failed for its leader's own reasons: lead the next one.
                if deadline.over(now):
                    raise _late(request, state)


def _start(
    state: ClusterState, request: Request, flight: Discovery, now: float
) -> Flow[None]:
    try:
        yield from Start(refresh(state, request, flight))
    except Exception as error:  # noqa: BLE001 - no thread to be had, for instance
        state.not_listed(events.RefreshFailed(repr(error)), now)
        flight.set_result(Refused(error))


def refresh(
    state: ClusterState,
    request: Request,
    flight: Discovery,
    deadline: Deadline = NEVER,
) -> Flow[None]:
    """Read the list of nodes from the first server that gives it; land the flight.

    Args:
        state: The cluster.
        request: Whose credentials are used.
        flight: What others wait for.
        deadline: Of a caller who leads in their own time. When it cuts the reading
            short, that says nothing to those who have more time.
    """
    outcome: Outcome = Abandoned()
    try:
        outcome = yield from _read(state, request, deadline)
    except Exception as error:  # noqa: BLE001 - whoever leads must hear of it
        now = yield from Now()
        state.not_listed(events.RefreshFailed(repr(error)), now)
        outcome = Refused(error)
    finally:
        flight.set_result(outcome)
    if needs_retest(state.home.topology):
        yield from Start(retest(state.home, request))


def _read(state: ClusterState, request: Request, callers: Deadline) -> Flow[Outcome]:
    now = yield from Now()
    least = request.dialect.least_share
    deadline = Deadline.after(now, REFRESH_LIMIT, least).or_earlier(callers)
    attempts: list[Attempt] = []
    stranger: Listing | None = None
    servers = _servers(state, request)
    for index, address in enumerate(servers):
        if deadline.over(now):
            break
        began, share = now, deadline.share(now, len(servers) - index)
        try:
            rows = yield from _ask(request.source.sql, address, share)
        except Exception as error:  # noqa: BLE001 - classified: any driver, any error
            now = yield from Now()
            fault = request.dialect.fault_of(error)
            if classify(fault) is Verdict.CALLER:
                state.not_listed(events.RefreshFailed(fault.reason), now)
                return Refused(error)
            heard, reason = answered(fault), fault.reason
        else:
            now = yield from Now()
            answer = _understood(request, rows)
            heard = not isinstance(answer, Fault) or answered(answer)
            reason = _flaw(state, request, answer)
            if not reason:
                state.hear(address, answered=True)
                return _land(state, answer, now)
            if isinstance(answer, Listing) and answer.nodes:
                stranger = stranger or answer
        state.hear(address, answered=heard)
        took = now - began
        attempts.append(Attempt(address, reason, seconds=took, answered=heard))
    if stranger:  # nobody speaks for the old cluster: it was replaced
        return _land(state, stranger, now)
    reason = "; ".join(map(str, attempts)) or "there was no time for any server"
    state.not_listed(events.RefreshFailed(reason), now)
    return Abandoned() if callers.over(now) else Unreachable(tuple(attempts))


def _flaw(state: ClusterState, request: Request, answer: Listing | Fault) -> str:
    """Say why an answer does not tell the cluster's nodes; "" if it does."""
    if isinstance(answer, Fault):
        is_missing = sqlstate_of(answer) == request.source.missing
        return "" if is_missing else answer.reason
    if not answer.nodes:
        return "it lists no nodes"
    if is_other(state.topology, answer.universe):
        return f"another cluster answers, universe {answer.universe}"
    return ""


def _land(state: ClusterState, answer: Listing | Fault, now: float) -> Landed:
    if isinstance(answer, Fault):  # the server has no such list
        state.listed()
        state.apply(events.NotSmart(now))
    else:
        home = state.identify(answer.universe, answer.nodes)
        home.listed()
        home.apply(*diff(home.topology, answer.nodes, answer.universe, now))
    return Landed()


def _servers(state: ClusterState, request: Request) -> list[Address | None]:
    """Order who is asked: contact points, then known nodes; those that failed last."""
    topology = state.topology
    failed = {*topology.marks, *state.silent}
    servers = {contact: contact in failed for contact in state.contacts}
    for node in topology.nodes:
        if node.address not in servers:
            way = ways_to(node, request, topology)[0]
            servers.setdefault(way, node.address in failed or way in failed)
    return sorted(servers, key=servers.__getitem__)


def _ask(
    sql: str, address: Address | None, timeout: float | None
) -> Flow[Sequence[Row] | Exception]:
    """Ask a server for the list; an exception is why it let us in and gave none."""
    conn = yield from Connect(address, timeout, control=True)
    answer: Sequence[Row] | Exception
    try:
        answer = yield from Fetch(conn, sql, timeout)
    except Exception as error:  # noqa: BLE001 - described later: any driver, any error
        answer = error
    yield from Close(conn)
    return answer


def _understood(request: Request, answer: Sequence[Row] | Exception) -> Listing | Fault:
    if isinstance(answer, Exception):
        return request.dialect.fault_of(answer)
    return Listing(*request.source.decode(answer))


def _late(request: Request, state: ClusterState) -> Exception:
    return request.dialect.deadline(
        f"the nodes of the cluster at {_names(state)} were not known after "
        f"{request.timeout:g} s ({request.dialect.timeout})",
        hint="A contact point accepts connections and does not answer.",
    )


def _unreachable(
    request: Request, state: ClusterState, attempts: tuple[Attempt, ...]
) -> Exception:
    return request.dialect.no_node(
        f"no contact point of the cluster at {_names(state)} gave the list of its "
        f"nodes ({request.options})",
        attempts,
        ""
        if any(attempt.answered for attempt in attempts)
        else "Check that host and port name YSQL nodes that this machine can reach.",
    )


def _names(state: ClusterState) -> str:
    return ",".join(
        str(contact or "the conninfo's server") for contact in state.contacts
    )

"""What one process knows and counts of one cluster.

The lock is short (integers and dict reads, microseconds), shared by threads and
tasks, and never held across an effect. Reading `topology` takes no lock: it is a
reference to a frozen value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from moorline.core.backoff import Backoff
from moorline.core.identity import is_same
from moorline.core.load import Load
from moorline.core.picker import least_loaded
from moorline.core.plan import candidates, rank
from moorline.core.topology import Topology, claimed, reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from moorline.core.address import Address
    from moorline.core.events import Event, RefreshFailed
    from moorline.core.flight import Discovery, Flight
    from moorline.core.load import Life
    from moorline.core.picker import Picker
    from moorline.core.placement import Tier
    from moorline.core.plan import Ranks
    from moorline.core.topology import Node

__all__ = ["Claim", "ClusterState", "Reservation"]

# A flight older than this is taken for lost: its thread or its loop is gone.
FLIGHT_LIMIT = 15.0
# A list that is younger is not read again, however little its nodes are worth.
LEAST_INTERVAL = 5.0
# As many as there are plans, and some.
MOST_RANKS = 512
# In seconds: how often connections are looked at more closely than by asking them.
THOROUGH_INTERVAL = 1.0
# After a refresh that failed, so that an outage is not answered with a storm.
REFRESH_BACKOFF = Backoff(base=1.0, cap=60.0)


class Claim(NamedTuple):
    """A flight to wait for, or to lead; `None` if the list is fresh."""

    flight: Discovery | None = None
    leads: bool = False


FRESH = Claim()


class ClusterState:
    """Topology, load and discovery of one cluster.

    Args:
        contacts: The contact points, in the caller's order; `None` stands for
            whatever server the caller's conninfo leads to.
        new_lock: Makes the lock that threads and tasks share.
        new_flight: Makes a future that threads and tasks can wait for.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
        listen: Called with every event and the topology before it, outside the lock.
        kin: Gives the states of all clusters of this process. They share one lock.

    Attributes:
        heir: The state of the same cluster, known by other contact points, that took
            this one over; see `home`.
        proven: Whether any node ever gave a connection.
        silent: Servers that did not answer when they were last asked for the list.
    """

    def __init__(
        self,
        contacts: Sequence[Address | None],
        *,
        new_lock: Callable[[], AbstractContextManager[object]],
        new_flight: Callable[[], Flight[Any]],
        dice: Callable[[], float],
        listen: Callable[[Event | RefreshFailed, Topology], None],
        kin: Callable[[], Iterable[ClusterState]] = tuple,
    ) -> None:
        self.contacts = tuple(contacts)
        self.topology = Topology()
        self.picker: Picker = least_loaded
        self.dice = dice
        self.listen = listen
        self.heir: ClusterState | None = None
        self.proven = False
        self.silent: set[Address | None] = set()
        self._kin = kin
        self._new_lock = new_lock
        self._new_flight = new_flight
        # By identity, since hashing tiers takes longer than looking: each entry keeps
        # its tiers, so that no others can have that identity.
        self._ranks: dict[int, tuple[tuple[Tier, ...], Ranks]] = {}
        self.start_afresh()

    def start_afresh(self) -> None:
        """Forget connections, flights and the lock, as a forked child must."""
        self._lock = self._new_lock()
        self.load = Load()
        self._flight: Discovery | None = None
        self._flown_at = 0.0
        self._due_at = 0.0
        self._failures = 0
        self._outdated = False
        self._thorough_at = 0.0

    @property
    def home(self) -> ClusterState:
        """The one state of this cluster, whatever contact points led to it."""
        state = self
        while state.heir is not None:
            state = state.heir
        return state

    def identify(self, universe: str, nodes: Sequence[Node]) -> ClusterState:
        """Return the home of the cluster of which this state got a list of nodes.

        A cluster that is known by other contact points takes this state over.
        """
        with self._lock:
            home = self.home
            if is_same(home.topology, universe, nodes):
                return home
            for other in self._kin():
                if other.heir is None and is_same(other.topology, universe, nodes):
                    other.inherit(home)
                    return other
            return home

    def inherit(self, other: ClusterState) -> None:
        """Take over a state of the same cluster; the lock is the caller's to hold."""
        self.contacts = tuple(dict.fromkeys((*self.contacts, *other.contacts)))
        self.load.inherit(other.load)
        drained = self.topology.drained | other.topology.drained
        self.topology = self.topology._replace(drained=drained)
        self._ranks.clear()
        self.proven = self.proven or other.proven
        other.heir = self

    def loads(self) -> dict[Address, int]:
        """Return the connections of this process per node, exact at this moment."""
        with self._lock:
            return dict(self.load.sweep(thorough=True))

    def connections(self, addresses: Collection[Address]) -> list[object]:
        """Return the open connections of this process to these nodes."""
        with self._lock:
            return self.load.on(addresses)

    def apply(self, *events: Event) -> None:
        """Let facts change the topology, then tell the listener."""
        with self._lock:
            before = self.topology
            for event in events:
                self.topology = reduce(self.topology, event)
            after = self.topology
            if (before.nodes, before.drained) != (after.nodes, after.drained):
                self._ranks.clear()
        for event in events:
            self.listen(event, before)

    def reserve(
        self, tiers: tuple[Tier, ...], tried: Collection[Address | None], now: float
    ) -> Reservation | None:
        """Pick a node and count the connection to come, as one act.

        Returns:
            The place reserved, or `None` if no node is left to try.
        """
        with self._lock:
            topology = self.topology
            kept = self._ranks.get(id(tiers))
            ranks = kept[1] if kept else self._rank(tiers)
            index, nodes = candidates(ranks, topology.marks, tried, now)
            if not nodes:
                return None
            thorough = now >= self._thorough_at
            if thorough:
                self._thorough_at = now + THOROUGH_INTERVAL
            count = self.load.sweep(thorough=thorough).get
            loads = [count(node.address, 0) for node in nodes]
            node = nodes[self.picker(loads, self.dice)]
            self.load.reserve(node.address)
            mark = topology.marks.get(node.address)
            is_trial = mark is not None and now >= mark.until
            if is_trial:
                self.topology = claimed(topology, node.address, now)
            untried = sum(map(len, ranks)) - len(tried)
            place = Reservation(self, self.load, node, tiers[index], untried)
            place.is_trial = is_trial
            return place

    def _rank(self, tiers: tuple[Tier, ...]) -> Ranks:
        if len(self._ranks) >= MOST_RANKS:
            self._ranks.clear()
        ranks = rank(self.topology, tiers)
        self._ranks[id(tiers)] = (tiers, ranks)
        return ranks

    def new_trial(self) -> Flight[bool]:
        """Return a future for finding out whether a node serves again."""
        return self._new_flight()

    def settle(
        self,
        load: Load,
        address: Address,
        conn: object,
        life: Life,
    ) -> None:
        """Let a reservation become a connection."""
        with self._lock:
            load.keep(address, conn, life)
            self.proven = True

    def is_fresh(self, now: float, interval: float) -> bool:
        """Tell whether the list of nodes need not be read again yet; needs no lock."""
        listed_at = self.topology.listed_at
        return listed_at is not None and (
            (now - listed_at < interval and not self._outdated) or now < self._due_at
        )

    def is_ready(self, now: float, interval: float) -> bool:
        """Tell whether a node can be chosen without more ado; needs no lock."""
        topology = self.topology
        return topology.smart and topology.routable and self.is_fresh(now, interval)

    def expire(self, now: float) -> None:
        """Have the list read again soon: its nodes were tried, and none could serve."""
        listed_at = self.topology.listed_at
        self._outdated = listed_at is not None and now - listed_at >= LEAST_INTERVAL

    def claim(self, now: float, interval: float, *, force: bool = False) -> Claim:
        """Ask for the list of nodes to be read if it is due.

        One caller leads; whoever comes while that flight is up shares it.
        """
        with self._lock:
            if self.is_fresh(now, interval) and not force:
                return FRESH
            flight = self._flight
            if flight and not flight.done() and now - self._flown_at < FLIGHT_LIMIT:
                return Claim(flight)
            self._flight = flight = self._new_flight()
            self._flown_at = now
            return Claim(flight, leads=True)

    def listed(self) -> None:
        """Note that a refresh went well."""
        with self._lock:
            self._failures = 0
            self._due_at = 0.0
            self._outdated = False

    def hear(self, server: Address | None, *, answered: bool) -> None:
        """Note whether a server answered when it was asked for the list."""
        if answered:
            self.silent.discard(server)
        else:
            self.silent.add(server)

    def not_listed(self, event: RefreshFailed, now: float) -> None:
        """Note that a refresh went wrong; the next is due after a back-off."""
        with self._lock:
            self._failures += 1
            self._due_at = now + REFRESH_BACKOFF.delay(self._failures, self.dice())
        self.listen(event, self.topology)


class Reservation:
    """A place on a node, held until a connection takes it or it is given back.

    Leaving the ``with`` block gives it back, unless it was kept. It belongs to the
    load that it was counted in: after a fork, that is not the child's.

    Attributes:
        is_trial: Whether the node had failed, and has not served since.
    """

    __slots__ = ("_kept", "_load", "_state", "is_trial", "node", "tier", "untried")

    def __init__(
        self, state: ClusterState, load: Load, node: Node, tier: Tier, untried: int
    ) -> None:
        self._state = state
        self._load = load
        self._kept = False
        self.node = node
        self.tier = tier
        self.untried = untried
        self.is_trial = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._kept:
            self._load.give_back(self.node.address)

    def keep(self, conn: object, life: Life) -> None:
        """Hand the place over to `conn`; `life` tells whether it is open."""
        self._state.settle(self._load, self.node.address, conn, life)
        self._kept = True

"""Performs the steps of a flow without I/O: from a script, or in a made-up cluster.

Time is what the script says, dice are seeded, and everything asked for is noted.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from moorline.core.address import Address
from moorline.core.faults import Fault
from moorline.core.load import Life
from moorline.core.placement import Placement, parse_keys, tiers_of
from moorline.core.request import Dialect, Request, Source
from moorline.core.state import ClusterState
from moorline.core.steps import Close, Connect, Fetch, Now, Start, Wait
from moorline.core.topology import Node
from moorline.errors import (
    ConfigError,
    DeadlineExceeded,
    NoNodeAvailable,
    TokenError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Conn:
    """A connection that is only counted."""

    def __init__(self, address=None, *, control=False):
        self.address = address
        self.control = control
        self.closed = False
        self.hung_up = False

    def close(self):
        self.closed = True


class DriverError(Exception):
    """What a driver raises, with the fault it stands for."""

    def __init__(self, fault):
        super().__init__(fault.text)
        self.fault = fault


def fault_of(error):
    if isinstance(error, TimeoutError):
        return Fault("no answer in time", answered=False)
    return getattr(error, "fault", Fault(str(error), answered=True))


DIALECT = Dialect(
    fault_of=fault_of,
    life=Life(attrgetter("closed"), lambda conn: conn.closed or conn.hung_up),
    read=lambda text, arguments: dict(arguments),
    defaults=dict,
    keywords=frozenset,
    passes_settings=False,
    timeout="connect_timeout",
    least_share=2.0,
    config_error=ConfigError,
    no_node=NoNodeAvailable,
    deadline=DeadlineExceeded,
    no_token=TokenError,
)
SOURCE = Source(
    "select nodes", lambda rows: (tuple(r["node"] for r in rows), "u"), "42883"
)


def nodes_at(*places: str) -> tuple[Node, ...]:
    """Return nodes n1, n2, … at ``cloud.region.zone`` each."""
    return tuple(
        Node(Address(f"n{number}", 5433), Placement(*place.split(".")))
        for number, place in enumerate(places, 1)
    )


def request_for(keys="", *, strict=False, timeout=10.0, **changes) -> Request:
    tiers = tiers_of(parse_keys(keys) if keys else (), strict=strict)
    given = {"interval": 300.0, "pause": 5.0, "options": f"topology_keys={keys}"}
    return Request(
        tiers=tiers, timeout=timeout, source=SOURCE, dialect=DIALECT, **given | changes
    )


def state_at(*contacts: Address | None, seed=0, heard=None, lock=threading.Lock):
    return ClusterState(
        contacts,
        new_lock=lock,
        new_flight=Future,
        dice=random.Random(seed).random,
        listen=lambda event, before: None if heard is None else heard.append(event),
    )


def play(flow, *answers):
    """Run a flow on scripted answers; return what it returned and its steps.

    An answer that is an exception is thrown into the flow.
    """
    steps = []
    script = iter(answers)
    try:
        steps.append(flow.send(None))
        while True:
            answer = next(script)
            if isinstance(answer, BaseException):
                steps.append(flow.throw(answer))
            else:
                steps.append(flow.send(answer))
    except StopIteration as done:
        assert next(script, None) is None, "the flow ended before its script"
        return done.value, steps


@dataclass
class World:
    """A cluster in memory: performs steps; a fault is a SQLSTATE or a word.

    ``faults`` maps a node's address to ``refused``, ``silent`` (it costs the whole
    time limit), ``mute`` (accepts, but no query is answered) or a SQLSTATE.
    """

    nodes: tuple[Node, ...] = ()
    faults: dict[Address, str] = field(default_factory=dict)
    smart: bool = True
    now: float = 1000.0
    steps: list = field(default_factory=list)
    open: list[Conn] = field(default_factory=list)
    dialled: list[Address | None] = field(default_factory=list)
    background: list = field(default_factory=list)

    def run(self, flow):
        """Run a flow to its end, and after it what it began in the background."""
        try:
            return self._run(flow)
        finally:
            self.run_background()

    def run_background(self):
        while self.background:
            self._run(self.background.pop(0))

    def _run(self, flow):
        try:
            step = flow.send(None)
            while True:
                self.steps.append(step)
                try:
                    result = self.perform(step)
                except Exception as error:  # noqa: BLE001 - as the runners do
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def perform(self, step):
        match step:
            case Now():
                return self.now
            case Connect(address, timeout, control):
                return self._connect(address, timeout, control=control)
            case Fetch(conn, _, timeout):
                return self._fetch(conn, timeout)
            case Close(conn):
                return self._close(conn)
            case Start(flow):
                return self.background.append(flow)
            case Wait(flight, timeout):
                self.run_background()
                if not flight.done():
                    self._wait(timeout)
                return flight.result(0)
        raise TypeError(step)

    def _connect(self, address, timeout, *, control):
        if not control:
            self.dialled.append(address)
        fault = self.faults.get(address, "")
        match fault:
            case "" | "mute":
                conn = Conn(address, control=control)
                self.open.append(conn)
                return conn
            case "refused":
                raise DriverError(Fault("Connection refused", answered=False))
            case "silent":
                return self._wait(timeout)
        raise DriverError(Fault(f"FATAL:  it is {fault}", sqlstate=fault))

    def _fetch(self, conn, timeout):
        if self.faults.get(conn.address) == "mute":
            self._wait(timeout)
        if not self.smart:
            raise DriverError(Fault("no function yb_servers()", sqlstate="42883"))
        return [{"node": node} for node in self.nodes]

    def _close(self, conn):
        conn.close()
        self.open.remove(conn)

    def _wait(self, timeout):
        assert timeout is not None, "nobody may wait for ever here"
        self.now += timeout
        raise TimeoutError

    def counts(self) -> Counter[Address]:
        """Count the open connections per node, as the servers see them."""
        return Counter(conn.address for conn in self.open if not conn.closed)


def loads(state: ClusterState) -> Mapping[Address, int]:
    return Counter(state.loads())


def close_all(conns: Iterable[Conn]) -> None:
    for conn in conns:
        conn.close()

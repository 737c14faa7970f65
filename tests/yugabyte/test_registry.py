from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from moorline.core.address import Address
from moorline.core.events import (
    Listed,
    NodeFailed,
    NodeGone,
    NodeListed,
    NodeServed,
    NotSmart,
    RefreshFailed,
)
from moorline.core.topology import Topology
from moorline.yugabyte import registry
from moorline.yugabyte.registry import state_for
from tests.core.scripted import nodes_at

[NODE] = nodes_at("c.r.a")
fresh = itertools.count()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def contacts():
    """Return contact points that no other test has."""
    found = (Address(f"registry-{next(fresh)}", 5433),)
    yield found
    registry._states.pop(found, None)


def test_a_key_names_one_state(contacts):
    state = state_for(contacts, contacts)
    assert state_for(contacts, contacts) is state
    assert state.contacts == contacts


def test_another_key_is_another_cluster(contacts):
    other = (*contacts, Address("more", 5433))
    assert state_for(contacts, contacts) is not state_for(other, other)
    del registry._states[other]


def test_threads_share_one_state(contacts):
    start = threading.Barrier(8)
    found = []

    def ask():
        start.wait()
        found.append(state_for(contacts, contacts))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_a_flight_is_a_future_and_the_dice_differ(contacts):
    state = state_for(contacts, contacts)
    assert isinstance(state.claim(0.0, 300.0).flight, Future)
    assert len({state.dice() for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("event", "smart", "level"),
    [
        (NodeFailed(NODE.address, 1.0, 6.0, "refused"), True, logging.WARNING),
        (RefreshFailed("refused"), True, logging.WARNING),
        (NodeGone(NODE), True, logging.INFO),
        (NodeServed(NODE.address), True, logging.INFO),
        (NodeListed(NODE), True, logging.DEBUG),
        (Listed("u", 1.0), True, logging.DEBUG),
        (NotSmart(1.0), True, logging.WARNING),
        (NotSmart(1.0), False, logging.DEBUG),  # it was said before
    ],
)
def test_events_are_logged(contacts, event, smart, level, caplog):
    state = state_for(contacts, contacts)
    state.topology = Topology(nodes=(NODE,), smart=smart)
    caplog.set_level(logging.DEBUG, "moorline.yugabyte")
    if isinstance(event, RefreshFailed):
        state.not_listed(event, 1.0)
    else:
        state.apply(event)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("moorline.yugabyte", level)
    assert record.getMessage() == str(event)


FORK = """
    import os
    from moorline.core.events import Listed, NodeListed
    from moorline.core.placement import Placement, Tier
    from moorline.core.address import Address
    from moorline.core.topology import Node
    from moorline.yugabyte import registry

    node = Node(Address("n1", 5433), Placement("c", "r", "a"))
    state = registry.state_for("k", (node.address,))
    state.apply(NodeListed(node), Listed("u", 0.0))
    place = state.reserve((Tier(),), (), 1.0)
    flight = state.claim(301.0, 300.0).flight
    # As another thread would hold them at this moment.
    state._lock.acquire()
    assert registry._lock is state._lock
    child = os.fork()
    if child == 0:
        same = registry.state_for("k", ()) is state
        nodes = state.topology.nodes == (node,)
        claim = state.claim(301.0, 300.0)
        ours = state.loads() == {} and claim.leads and claim.flight is not flight
        os._exit(0 if same and nodes and ours else 1)
    state._lock.release()
    _, status = os.waitpid(child, 0)
    assert state.loads() == {node.address: 1}
    raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_its_own_locks_counts_and_flights():
    script = textwrap.dedent(FORK)
    done = subprocess.run([sys.executable, "-c", script], timeout=30, check=False)
    assert done.returncode == 0


COLLECT = """
    import gc, sys
    sys.path.insert(0, sys.argv[1])
    from moorline.core.dial import connect
    from moorline.core.events import Listed, NodeListed
    from moorline.core.placement import Tier
    from moorline.yugabyte import registry
    from tests.core.scripted import nodes_at, request_for

    [node] = nodes_at("c.r.a")
    state = registry.state_for("k", (node.address,))
    state.apply(NodeListed(node), Listed("u", 0.0))
    flow = connect(state, request_for(), 0.0)
    flow.send(None)
    cycle = [flow]
    cycle.append(cycle)
    del flow, cycle
    state.picker = lambda loads, dice: gc.collect() * 0
    with state.reserve((Tier(),), (), 0.0):
        pass
    assert state.loads() == {}
"""


def test_a_forgotten_connect_may_be_collected_in_the_thread_that_holds_the_lock():
    """The collector runs when it likes, and closing a flow gives its place back.

    In a process of its own, since one that waits for itself is of no more use.
    """
    script = [sys.executable, "-c", textwrap.dedent(COLLECT), str(ROOT)]
    subprocess.run(script, timeout=10, check=True)

"""Scenarios with a frozen node: it takes connections and never answers."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.peers.measures import Row, waited
from benchmarks.peers.stage import Scenario, frozen, to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.client import Attempt, Worker
    from benchmarks.peers.measures import Measure
    from benchmarks.peers.stage import Stage

__all__ = ["SCENARIOS"]

TIMEOUT = 2  # seconds; what the program asks for
PATIENT = 10
LIMIT = 15.0  # seconds; what takes longer is called a hang
DUE = 1.3  # seconds after which a list that is read every second is due
RUNS = 2  # each run takes up to a minute


def _each(worker: Worker, count: int, params: dict[str, object]) -> list[Attempt]:
    return [
        attempt
        for _ in range(count)
        for attempt in worker.open("more", 1, params, limit=LIMIT)
    ]


def node(stage: Stage, **options: int) -> Iterator[Measure]:
    """Freeze a node that is no contact point."""
    with stage.lab() as lab, stage.worker() as worker:
        worker.open("held", 3, to(lab))
        with frozen(lab, 1):
            yield waited(_each(worker, 6, to(lab, **options)))


def contact(stage: Stage) -> Iterator[Measure]:
    """Freeze the only contact point of a new process; connect_timeout=2."""
    with stage.lab() as lab, stage.worker() as worker, frozen(lab, 0):
        yield waited(_each(worker, 1, to(lab, connect_timeout=TIMEOUT)))


def first_contact(stage: Stage) -> Iterator[Measure]:
    """Freeze the first of three contact points of a new process; connect_timeout=2."""
    with stage.lab() as lab, stage.worker() as worker, frozen(lab, 0):
        # One port for all: neither peer takes a list of ports.
        hosts = ",".join(node.host for node in lab.nodes)
        params = to(lab, connect_timeout=TIMEOUT) | {"host": hosts}
        yield waited(_each(worker, 4, params))


def contact_when_due(stage: Stage) -> Iterator[Measure]:
    """Freeze the contact point of a running process when the list is due."""
    with stage.lab() as lab, stage.worker() as worker:
        params = to(lab, yb_servers_refresh_interval=1, connect_timeout=TIMEOUT)
        worker.open("held", 3, params)
        with frozen(lab, 0):
            time.sleep(DUE)
            yield waited(_each(worker, 6, params))


SCENARIOS = {
    "frozen_node": Scenario(
        play=partial(node, connect_timeout=TIMEOUT),
        runs=RUNS,
        rows=(
            Row(
                name="frozen node",
                what="a node freezes; 6 connects with `connect_timeout=2`: the slowest",
                best="2 s, none failed",
                margin=0.5,
            ),
        ),
    ),
    "frozen_node_patient": Scenario(
        play=partial(node, connect_timeout=PATIENT),
        runs=RUNS,
        rows=(
            Row(
                name="frozen node, patient",
                what="… with `connect_timeout=10`",
                best="a few seconds, none failed",
                margin=0.5,
            ),
        ),
    ),
    "frozen_node_untimed": Scenario(
        play=node,
        runs=RUNS,
        rows=(
            Row(
                name="frozen node, untimed",
                what="… without `connect_timeout`",
                best="a few seconds, none failed",
                margin=0.5,
            ),
        ),
    ),
    "frozen_contact": Scenario(
        play=contact,
        runs=RUNS,
        rows=(
            Row(
                name="frozen contact",
                what="the only contact point is frozen; the first connect of a process "
                "with `connect_timeout=2`",
                best="2 s until it fails",
                margin=0.5,
            ),
        ),
    ),
    "frozen_first_contact": Scenario(
        play=first_contact,
        runs=RUNS,
        rows=(
            Row(
                name="frozen first contact",
                what="three contact points, the first of them frozen; the first 4 "
                "connects of a process with `connect_timeout=2`: the slowest",
                best="2 s, none failed",
                margin=0.5,
            ),
        ),
    ),
    "frozen_contact_when_due": Scenario(
        play=contact_when_due,
        runs=RUNS,
        rows=(
            Row(
                name="frozen contact, running",
                what="the contact point of a running process freezes, the list is due; "
                "6 connects with `connect_timeout=2`: the slowest",
                best="2 s, none failed",
                margin=0.5,
            ),
        ),
    ),
}

"""What a scenario plays on: servers, a worker that has the driver, and their counts."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from benchmarks.peers.client import Worker
from benchmarks.peers.environments import python_of
from moorline.lab import YugabyteLab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.harness import Run
    from benchmarks.peers.client import Place
    from benchmarks.peers.drivers import Driver
    from benchmarks.peers.measures import Measure, Row
    from moorline.lab import Templates
    from moorline.lab.options import OptionsDict

__all__ = [
    "Scenario",
    "Stage",
    "accepted",
    "discoveries",
    "frozen",
    "nodes",
    "settled",
    "to",
]

SETTLE = 3.0  # seconds for servers to notice that their clients are gone


@dataclass(frozen=True, slots=True)
class Stage:
    """One driver, and as many servers and workers as a scenario wants."""

    driver: Driver
    run: Run
    templates: Templates

    def lab(self, **options: Unpack[OptionsDict]) -> YugabyteLab:
        """Return servers of its own, to be opened."""
        return YugabyteLab(templates=self.templates, **options)

    def worker(self) -> Worker:
        """Return a new process that has the driver."""
        python = str(python_of(self.driver.name))
        return Worker([python, "-m", "benchmarks.peers.worker", self.driver.name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is played, and the rows that it gives, in their order.

    Args:
        rows: The rows.
        play: Plays it once and yields a measure for each row.
        runs: How often it is played at most.
    """

    rows: tuple[Row, ...]
    play: Callable[[Stage], Iterator[Measure]]
    runs: int = 1000


def to(lab: YugabyteLab, node: int = 0, **more: object) -> dict[str, object]:
    """Return what a program passes to connect, with a node as the contact point."""
    login = {"user": "yugabyte", "dbname": "yugabyte"}
    if lab.options.password:
        login["password"] = lab.options.password
    at = lab.nodes[node]
    return {"host": at.host, "port": at.port, **login, **more}


def nodes(lab: YugabyteLab) -> list[Place]:
    """Return where the nodes are."""
    return [(node.host, node.port) for node in lab.nodes]


def accepted(lab: YugabyteLab) -> int:
    """Count the sessions that the servers ever let in."""
    return sum(lab.accepted(node.index) for node in lab.nodes)


def discoveries(lab: YugabyteLab) -> int:
    """Count the times that the servers were asked for the list of nodes."""
    return sum(len(lab.statements(node.index, "yb_servers")) for node in lab.nodes)


def settled(lab: YugabyteLab, expected: int) -> int:
    """Return how many sessions there are, when they are as many or after a while."""
    deadline = time.monotonic() + SETTLE
    while (count := sum(lab.counts())) > expected and time.monotonic() < deadline:
        time.sleep(0.02)
    return count


@contextmanager
def frozen(lab: YugabyteLab, node: int) -> Iterator[None]:
    """Freeze a node and all its sessions, as a machine that stands still does."""
    clients = (
        "select pid from pg_stat_activity where backend_type = 'client backend'"
        " and pid <> pg_backend_pid()"
    )
    pids = [int(pid or 0) for (pid,) in lab.sql(node, clients)]
    lab.pause(node)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        lab.start(node)

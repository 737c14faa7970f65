"""Scenarios in fair weather: where connections go, and what else the servers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.measures import Row, placed, whole
from benchmarks.peers.stage import (
    Scenario,
    accepted,
    discoveries,
    nodes,
    settled,
    to,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.measures import Measure
    from benchmarks.peers.stage import Stage

__all__ = ["SCENARIOS"]

KEYS = "aws.us-east-1.us-east-1a"  # two of the lab's three nodes


def in_turn(stage: Stage) -> Iterator[Measure]:
    """Open connections one after the other, hold them, close them."""
    count = stage.run.count(30, 6)
    with stage.lab() as lab, stage.worker() as worker:
        attempts = worker.open("held", count, to(lab))
        places = worker.look("held")
        yield placed(places, nodes(lab), [count // 3] * 3, attempts)
        yield whole(accepted(lab) - len(places))
        yield whole(sum(lab.counts()) - len(places))
        worker.ask("close", group="held")
        yield whole(settled(lab, 0))


def at_once(stage: Stage) -> Iterator[Measure]:
    """Let all threads of a new process make its first connect at the same moment."""
    count = stage.run.count(30, 6)
    with stage.lab() as lab, stage.worker() as worker:
        attempts = worker.open("held", count, to(lab), at_once=True)
        places = worker.look("held")
        yield placed(places, nodes(lab), [count // 3] * 3, attempts)
        yield whole(accepted(lab) - len(places))
        yield whole(sum(lab.counts()) - len(places))
        yield whole(discoveries(lab))


def by_topology(stage: Stage) -> Iterator[Measure]:
    """Ask for the zone that two of three nodes are in."""
    count = stage.run.count(30, 6)
    with stage.lab() as lab, stage.worker() as worker:
        attempts = worker.open("held", count, to(lab, topology_keys=KEYS))
        wanted = (count // 2, count // 2, 0)
        yield placed(worker.look("held"), nodes(lab), wanted, attempts)


def two_clusters(stage: Stage) -> Iterator[Measure]:
    """Open connections to one cluster, then to another one."""
    count = stage.run.count(6, 3)
    with stage.lab() as one, stage.lab() as other, stage.worker() as worker:
        attempts = worker.open("one", count, to(one))
        attempts += worker.open("other", count, to(other))
        crossed = len([at for at in worker.look("one") if at not in nodes(one)])
        crossed += len([at for at in worker.look("other") if at not in nodes(other)])
        yield whole(crossed, [one.error for one in attempts if one.error])


SCENARIOS = {
    "in_turn": Scenario(
        play=in_turn,
        rows=(
            Row(
                name="in turn: spread",
                what="30 connections, one after the other",
                best="10/10/10",
            ),
            Row(
                name="in turn: extra connects",
                what="… connections that the servers let in besides",
                best="1",
            ),
            Row(
                name="in turn: extra sessions",
                what="… sessions on the servers besides, while the 30 are held",
                best="0",
            ),
            Row(
                name="in turn: left over",
                what="… sessions left on the servers when the 30 are closed",
                best="0",
            ),
        ),
    ),
    "at_once": Scenario(
        play=at_once,
        rows=(
            Row(
                name="at once: spread",
                what="30 first connects of a process at once, a thread for each",
                best="10/10/10",
            ),
            Row(
                name="at once: extra connects",
                what="… connections that the servers let in besides",
                best="1",
            ),
            Row(
                name="at once: extra sessions",
                what="… sessions on the servers besides, while the 30 are held",
                best="0",
            ),
            Row(
                name="at once: discoveries",
                what="… queries for the list of nodes",
                best="1",
            ),
        ),
    ),
    "by_topology": Scenario(
        play=by_topology,
        rows=(
            Row(
                name="topology: spread",
                what="30 connections with `topology_keys` that two of the nodes match",
                best="15/15/0",
            ),
        ),
    ),
    "two_clusters": Scenario(
        play=two_clusters,
        rows=(
            Row(
                name="two clusters: crossed",
                what="6 connections to one cluster, then 6 to another: "
                "how many of the 12 are to the wrong one",
                best="0",
            ),
        ),
    ),
}

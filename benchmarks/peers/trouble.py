"""Scenarios in foul weather: refused, broken, dropped, removed and forked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.peers.measures import Measure, Row, placed, whole
from benchmarks.peers.stage import Scenario, nodes, settled, to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.stage import Stage
    from moorline.lab import YugabyteLab

__all__ = ["SCENARIOS"]

REFUSED = "password authentication failed"
WHOLE_LOG = 1_000_000  # lines
SHORT = 1  # seconds between two readings of the list, where that matters
DUE = 1.3  # seconds after which it is due
MOMENT = 0.5  # seconds in which a reading in the background is done
CHILD_LIMIT = 15.0


def wrong_password(stage: Stage) -> Iterator[Measure]:
    """Use one wrong password between correct ones."""
    with stage.lab(password="secret") as lab, stage.worker() as worker:  # noqa: S106 - the lab's
        worker.open("held", 6, to(lab))
        (wrong,) = worker.open("wrong", 1, to(lab) | {"password": "wrong"})
        assert wrong.error is not None
        yield Measure(_refused(lab), (_refused(lab),), note=wrong.error)
        attempts = worker.open("held", 12, to(lab))
        yield placed(worker.look("held"), nodes(lab), (6, 6, 6), attempts)


def _refused(lab: YugabyteLab) -> int:
    logs = (lab.log(node.index, WHOLE_LOG) for node in lab.nodes)
    return sum(log.count(REFUSED) for log in logs)


def broken(stage: Stage) -> Iterator[Measure]:
    """End a node's sessions on the server; the program replaces its connections."""
    with stage.lab() as lab, stage.worker() as worker:
        worker.open("held", 12, to(lab))
        lab.terminate(1)
        count = worker.ask("mend", group="held")
        attempts = worker.open("held", count, to(lab))
        yield placed(worker.look("held"), nodes(lab), (4, 4, 4), attempts)


def dropped(stage: Stage) -> Iterator[Measure]:
    """Forget a node's connections without closing them, then open as many."""
    with stage.lab() as lab, stage.worker() as worker:
        worker.open("held", 12, to(lab))
        at = enumerate(worker.look("held"))
        indices = [index for index, place in at if place == nodes(lab)[1]]
        before = sum(lab.counts())
        worker.ask("drop", group="held", indices=indices)
        settled(lab, before - len(indices))
        attempts = worker.open("held", len(indices), to(lab))
        yield placed(worker.look("held"), nodes(lab), (4, 4, 4), attempts)


def removed(stage: Stage) -> Iterator[Measure]:
    """Take a node, which still serves, off the list; read it every second."""
    with stage.lab() as lab, stage.worker() as worker:
        params = to(lab, yb_servers_refresh_interval=SHORT)
        worker.open("before", 6, params)
        lab.set_topology([lab.row(0), lab.row(2)])
        time.sleep(DUE)
        for group in ("first", "later"):
            worker.open(group, 6, params)
            yield whole(worker.look(group).count(nodes(lab)[1]))
            time.sleep(MOMENT)


def forked(stage: Stage) -> Iterator[Measure]:
    """Fork children off a process that holds two connections; each opens one."""
    count = stage.run.count(30, 6)
    with stage.lab() as lab, stage.worker() as worker:
        worker.open("held", 2, to(lab))
        arguments = {"params": to(lab), "patience": CHILD_LIMIT}
        answers = worker.ask("fork", count=count, **arguments)
        places = [tuple(one) for one in answers if isinstance(one, list)]
        spread = placed(places, nodes(lab), [count // 3] * 3)
        failed = [one for one in answers if isinstance(one, str)]
        text = f", {len(failed)} failed" if failed else ""
        cost = (len(failed), *(spread.cost or ())[1:])
        yield Measure(f"{spread.value}{text}", cost, "; ".join(sorted(set(failed))))


def forked_when_due(stage: Stage) -> Iterator[Measure]:
    """Fork children when the list is due to be read again; the parent goes on."""
    with stage.lab() as lab, stage.worker() as worker:
        params = to(lab, yb_servers_refresh_interval=SHORT)
        worker.open("held", 2, params)
        time.sleep(DUE)
        answers = worker.ask("fork", count=8, params=params, patience=CHILD_LIMIT)
        failed = [one for one in answers if isinstance(one, str)]
        yield Measure(len(failed), (len(failed),), "; ".join(sorted(set(failed))))
        time.sleep(DUE)
        attempts = worker.open("held", 3, params, limit=CHILD_LIMIT)
        errors = [one.error for one in attempts if one.error]
        lost = sum(not place for place in worker.look("held"))
        number = len(errors) + lost
        yield Measure(number, (number,), "; ".join(errors))


SCENARIOS = {
    "wrong_password": Scenario(
        play=wrong_password,
        rows=(
            Row(
                name="wrong password: refused",
                what="one connect with a wrong password after 6 good ones: "
                "how often servers refused it",
                best="1",
            ),
            Row(
                name="wrong password: spread",
                what="… all connections after 12 more with the right password",
                best="6/6/6",
            ),
        ),
    ),
    "broken": Scenario(
        play=broken,
        rows=(
            Row(
                name="broken: spread",
                what="12 connections; the server ends those of one node, and the "
                "program closes and replaces them",
                best="4/4/4",
            ),
        ),
    ),
    "dropped": Scenario(
        play=dropped,
        rows=(
            Row(
                name="dropped: spread",
                what="12 connections; those of one node are garbage-collected without "
                "being closed, and as many opened",
                best="4/4/4",
            ),
        ),
    ),
    "removed": Scenario(
        play=removed,
        rows=(
            Row(
                name="removed: first",
                what="a node leaves the list, which is read every second: how many of "
                "the next 6 connections are to it",
                best="0",
            ),
            Row(
                name="removed: later",
                what="… of 6 more, half a second later",
                best="0",
            ),
        ),
    ),
    "forked": Scenario(
        play=forked,
        rows=(
            Row(
                name="forked: spread",
                what="a process with 2 connections forks 30 children; each opens one",
                best="10/10/10",
            ),
        ),
    ),
    "forked_when_due": Scenario(
        play=forked_when_due,
        rows=(
            Row(
                name="forked when due: children",
                what="8 children forked when the list is due to be read: "
                "how many get no connection",
                best="0",
            ),
            Row(
                name="forked when due: parent",
                what="… connections of the parent that are lost or cannot be opened "
                "afterwards",
                best="0",
            ),
        ),
    ),
}

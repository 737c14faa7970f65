"""What a token costs: the same host again, a host that is new, and a new process."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.rows import row, short
from benchmarks.harness import summary
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from moorline.lab import DsqlLab

__all__ = ["measure"]

AGAIN, FIRST = 10e-6, 200e-6  # seconds; the bars
BLOCKS, COUNT, HOSTS = 5, 40, 20
PROCESSES = 10
Results = dict[str, Any]


def measure(stage: Stage) -> Iterator[Row]:
    """Time tokens in processes that have been warmed up, and in new ones."""
    with stage.lab() as lab:
        told = _blocks(stage, lab)
        begun = _processes(stage, lab)

    for arm, what, bar in (
        ("again", "a token for a connection, p50: the same cluster again", AGAIN),
        ("first", "… a cluster that no token was made for, in a warm process", FIRST),
    ):
        results = {
            client: one if isinstance(one, str) else summary(one[arm])
            for client, one in told.items()
        }
        yield row(
            f"token: {arm}",
            what,
            results,
            _show,
            bar=f"≤ {short(bar)}",
            met=partial(_is_within, bar),
        )
    what = "… the first of a process, credentials still to be found; botocore imported"
    yield row("token: process", what, begun, _show)


def _show(seconds: Mapping[str, float]) -> str:
    return f"{short(seconds['p50'])} (p99 {short(seconds['p99'])})"


def _is_within(bar: float, seconds: Mapping[str, float]) -> bool:
    return seconds["p50"] <= bar


def _blocks(stage: Stage, lab: DsqlLab) -> Results:
    count, hosts = stage.run.count(COUNT, 2), stage.run.count(HOSTS, 2)
    told: Results = {client: {"again": [], "first": []} for client in stage.clients}
    order, dice = list(stage.clients), stage.run.dice()
    with ExitStack() as stack:
        workers = {
            client: stack.enter_context(stage.worker(client, lab)) for client in order
        }
        for _ in range(stage.run.count(BLOCKS, 1)):
            dice.shuffle(order)
            for client in (one for one in order if not isinstance(told[one], str)):
                arguments = {"host": lab.endpoint, "region": lab.options.region}
                try:
                    some = workers[client].ask(
                        "tokens", count=count, hosts=hosts, **arguments
                    )
                except WorkerFailed as failed:
                    told[client] = str(failed)
                    continue
                for arm, samples in some.items():
                    told[client][arm] += samples
    return told


def _processes(stage: Stage, lab: DsqlLab) -> Results:
    told: Results = {client: [] for client in stage.clients}
    arguments = {"host": lab.endpoint, "region": lab.options.region}
    for _ in range(stage.run.count(PROCESSES, 1)):
        for client in (one for one in told if not isinstance(told[one], str)):
            try:
                with stage.worker(client, lab) as worker:
                    told[client].append(worker.ask("first_token", **arguments))
            except WorkerFailed as failed:
                told[client] = str(failed)
    return {
        client: one if isinstance(one, str) else summary(one)
        for client, one in told.items()
    }

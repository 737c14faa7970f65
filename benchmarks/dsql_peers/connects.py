"""What a connect costs beside the same driver's with a token that is ready.

Within a block the client's own connects and ready ones alternate, in one process, and
the clients take turns, so that whatever else the machine does hits all alike. The ratio
is made from the differences within the rounds. A ready connect negotiates TLS as the
client was seen to: both ways are timed.
"""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import CLIENTS
from benchmarks.dsql_peers.rows import at, row, short
from benchmarks.dsql_peers.stage import to
from benchmarks.harness import above, figure_of
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from moorline.lab import DsqlLab

__all__ = ["measure"]

BLOCKS, ROUNDS = 20, 20
MOST = 1.05  # times a ready connect; the bar
ARMS = ("client", "ready", "ready, direct")
Results = dict[str, Any]


def measure(stage: Stage) -> Iterator[Row]:
    """Race connects of psycopg, then of asyncpg."""
    for driver in ("psycopg", "asyncpg"):
        with stage.lab() as lab:
            results = _race(stage, lab, driver)
        yield row(
            f"connect: {driver}",
            f"a connect with {driver}, p50, beside the same driver's with a token "
            "that is ready",
            results,
            _show,
            bar="≤ 1.05 of ready",
            met=lambda result: result["ratio"] <= MOST,
        )
        yield row(
            f"connect: {driver}, p99",
            "… p99",
            results,
            lambda one: f"{short(one['client'][1])}, ready {short(one['base'][1])}",
            again=True,
        )


def _show(result: Results) -> str:
    low, high = result["interval"]
    took, ready = result["client"][0], result["base"][0]
    ratio = f"{result['ratio']:.3f} of ready ({low:.3f} to {high:.3f})"
    return f"{short(took)}, {ratio}; ready {short(ready)}"


def _race(stage: Stage, lab: DsqlLab, driver: str) -> Results:
    run = stage.run
    samples: dict[str, dict[str, list[float]]] = {}
    results: Results = {}
    order, dice = list(stage.clients), run.dice()
    place = to(lab, token=lab.token(expires=3600 * 24))
    rounds = run.count(ROUNDS, 3)
    with ExitStack() as stack:
        workers = {
            client: stack.enter_context(stage.worker(client, lab)) for client in order
        }
        for block in range(-1, run.count(BLOCKS, 1)):  # the first one only warms up
            dice.shuffle(order)
            for client in (one for one in order if one not in results):
                arguments = {"seed": run.seed + block, "at": place, "rounds": rounds}
                try:
                    told = workers[client].ask("race", driver=driver, **arguments)
                except WorkerFailed as failed:
                    results[client] = str(failed)
                    continue
                kept = samples.setdefault(client, {arm: [] for arm in ARMS})
                for arm in ARMS if block >= 0 else ():
                    kept[arm] += told[arm]
        for client in (one for one in stage.clients if one not in results):
            direct = _is_direct(lab, client)
            results[client] = _result(samples[client], stage, direct=direct)
    return {client: results[client] for client in stage.clients}


def _is_direct(lab: DsqlLab, client: str) -> bool:
    """Tell how a client was seen to negotiate TLS."""
    mark = CLIENTS[client].mark
    seen = {one.direct_tls for one in lab.logins if mark in one.application_name}
    (direct,) = seen
    return direct


def _result(samples: dict[str, list[float]], stage: Stage, *, direct: bool) -> Results:
    client = samples["client"]
    base = samples["ready, direct" if direct else "ready"]
    ratio, interval = figure_of(_ratio, client, base, dice=stage.run.dice())
    quantiles = {
        name: [at(0.5, some), at(0.99, some)] for name, some in samples.items()
    }
    base_of = [at(0.5, base), at(0.99, base)]
    return {
        "ratio": ratio,
        "interval": interval,
        "negotiates TLS directly": direct,
        "connects": len(client),
        **quantiles,
        "base": base_of,
    }


def _ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the ratio by the differences within rounds, which a busy hour leaves."""
    return 1 + above(values, base) / median(base)

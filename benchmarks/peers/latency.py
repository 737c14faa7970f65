"""What choosing the node costs: each driver's smart connect over its own plain one.

One node, so that every connection goes to the same server. The drivers take turns in
blocks, and within a block plain and smart connects alternate, so that whatever else the
machine does hits all alike. The ratio at p50 is made from the differences within the
rounds, as in `benchmarks.connect`. A plain connect timed twice shows the noise.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.harness import above, figure_of, summary
from benchmarks.machine import server_settings
from benchmarks.peers.client import WorkerFailed
from benchmarks.peers.measures import Row
from benchmarks.peers.stage import to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.harness import Run, Samples
    from benchmarks.peers.client import Worker
    from benchmarks.peers.stage import Stage
    from moorline.lab import YugabyteLab

__all__ = ["measure"]

BLOCKS, ROUNDS = 60, 50
MEDIAN = 0.5
MS = 1e3
Results = dict[str, dict[str, Any]]
# What is set against plain connects, at which quantile.
ROWS = {
    ("smart", MEDIAN): Row(
        name="latency: p50",
        what="connect to one node, p50, beside the same driver's plain connect",
        best="1.000 of plain",
    ),
    ("smart", 0.99): Row(name="latency: p99", what="… p99", best="1.000 of plain"),
    ("plain again", MEDIAN): Row(
        name="latency: noise",
        what="… plain beside plain, p50: the noise",
        best="1.000 of plain",
        judged=False,
    ),
}


def measure(stages: Sequence[Stage]) -> Iterator[tuple[Row, str, Results]]:
    """Yield each row, how often connects were timed, and its results by driver."""
    with stages[0].lab(nodes=1) as lab:
        samples, failed = _race(stages, lab)
        notes = server_settings(lab)
    for (arm, quantile), row in ROWS.items():
        results: Results = {}
        for stage in stages:
            name = stage.driver.name
            if name in failed:
                results[name] = {"shown": failed[name], "cost": None}
            else:
                of_arm = _result(samples[name], arm, quantile, stage.run)
                results[name] = {**of_arm, "notes": notes}
        rounds = max(len(of_driver.get(arm, ())) for of_driver in samples.values())
        yield row, f"{rounds} connects", results


def _race(
    stages: Sequence[Stage], lab: YugabyteLab
) -> tuple[dict[str, Samples], dict[str, str]]:
    """Return the seconds by driver and arm, and what became of drivers that failed."""
    run = stages[0].run
    blocks, rounds = run.count(BLOCKS, 2), run.count(ROUNDS, 5)
    samples: dict[str, Samples] = {stage.driver.name: {} for stage in stages}
    failed: dict[str, str] = {}
    dice, order = run.dice(), list(samples)
    with ExitStack() as stack:
        workers: Mapping[str, Worker] = {
            stage.driver.name: stack.enter_context(stage.worker()) for stage in stages
        }
        for block in range(-1, blocks):  # the first one only warms up
            dice.shuffle(order)
            for name in (one for one in order if one not in failed):
                arguments = {"seed": run.seed + block, "params": to(lab)}
                try:
                    told = workers[name].ask("race", rounds=rounds, **arguments)
                except WorkerFailed as failure:
                    failed[name] = str(failure)
                    continue
                for arm, some in told.items() if block >= 0 else ():
                    samples[name].setdefault(arm, []).extend(some)
    return samples, failed


def _result(samples: Samples, arm: str, quantile: float, run: Run) -> dict[str, Any]:
    values, base = samples[arm], samples["plain"]
    statistic = _paired if quantile == MEDIAN else partial(_ratio, quantile)
    ratio, (low, high) = figure_of(statistic, values, base, dice=run.dice())
    return {
        "shown": f"{_at(quantile, values) * MS:.2f} ms, "
        f"{ratio:.3f} of plain ({low:.3f} to {high:.3f})",
        "cost": [ratio],
        "interval": [low, high],
        "samples, ms": {arm: summary(values, MS), "plain": summary(base, MS)},
    }


def _paired(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the ratio by the differences within rounds, which a busy hour leaves."""
    return 1 + above(values, base) / median(base)


def _ratio(quantile: float, values: Sequence[float], base: Sequence[float]) -> float:
    return _at(quantile, values) / _at(quantile, base)


def _at(quantile: float, values: Sequence[float]) -> float:
    return sorted(values)[round(quantile * (len(values) - 1))]

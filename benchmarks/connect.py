"""Claim: choosing the node costs next to nothing beside opening a connection.

One node, so that every connection goes to the same server. Timed is ``connect`` alone;
the connection is closed before the next. Two paces: one connect after the other, and
with a pause between, in which the processor rests and its caches cool, as in a program
that connects now and then. ``plain again`` is psycopg once more: how far it is from
zero is the noise.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg as plain

from benchmarks.harness import Figure, above, figure_of, interleave, quiet_gc, summary
from benchmarks.machine import server_settings
from moorline.lab import YugabyteLab
from moorline.yugabyte import psycopg as smart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.harness import Run, Samples

__all__ = ["measure"]

PACES = {"back to back": 0.0, "with pauses of 1 ms": 0.001}  # seconds
BAR = "≤ +3 % or ≤ +60 µs, the larger"
US = 1e6
CLAIMS = {
    "smart": "smart connect over plain psycopg, same node",
    "off": "moorline's connect without load_balance over plain psycopg",
    "plain again": "plain psycopg over itself: the noise",
}


def measure(run: Run) -> list[Figure]:
    """Compare connects, thousands of them, at each pace."""
    with YugabyteLab(nodes=1) as lab:
        notes = server_settings(lab)
        return [
            figure
            for pace, pause in PACES.items()
            for figure in _figures(run, pace, notes, _connects(run, lab, pause))
        ]


def _connects(run: Run, lab: YugabyteLab, pause: float) -> Samples:
    dsn = lab.dsn()
    arms = {
        "plain": partial(_one, plain.connect, dsn, pause),
        "smart": partial(_one, smart.connect, lab.dsn(load_balance=True), pause),
        "off": partial(_one, smart.connect, dsn, pause),
        "plain again": partial(_one, plain.connect, dsn, pause),
    }
    interleave(arms, run.count(100, 2), run.dice())
    before = lab.accepted(0)
    rounds = run.count(2000, 5)
    with quiet_gc():
        samples = interleave(arms, rounds, run.dice())
    assert lab.accepted(0) - before == rounds * len(arms)
    return samples


def _figures(
    run: Run, pace: str, notes: Mapping[str, object], samples: Samples
) -> Iterator[Figure]:
    base = samples["plain"]
    limit = max(0.03 * median(base), 60e-6)
    for arm, what in CLAIMS.items():
        value, interval = figure_of(above, samples[arm], base, dice=run.dice())
        judged = arm != "plain again"
        yield Figure(
            what=f"{what}; {pace}; p50 of paired differences",
            value=value * US,
            unit="µs",
            limit=limit * US if judged else None,
            bar=BAR if judged else "",
            interval=(interval[0] * US, interval[1] * US),
            samples={arm: summary(samples[arm], US), "plain": summary(base, US)},
            notes={
                **notes,
                "difference of p50s, µs": _p50s(samples, arm) * US,
                "in percent of the plain p50": 100 * value / median(base),
            },
        )


def _one(connect: Callable[[str], Any], dsn: str, pause: float) -> float:
    start = time.perf_counter_ns()
    conn = connect(dsn)
    took = time.perf_counter_ns() - start
    conn.close()
    if pause:
        time.sleep(pause)
    return took / 1e9


def _p50s(samples: Samples, arm: str) -> float:
    return median(samples[arm]) - median(samples["plain"])

"""Claim: the first connect of a process, which reads the list of nodes, is bearable.

Fresh processes, plain and smart in turn; each times its first connect from inside, its
imports done.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, child, figure_of, interleave, summary
from benchmarks.machine import server_settings
from moorline.lab import YugabyteLab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Run

__all__ = ["measure"]

LIMIT = 2.5
MS = 1e3
SCRIPT = """
import json, sys, time
import psycopg as plain
from moorline.yugabyte import psycopg as smart

connect = (smart if sys.argv[1] == "smart" else plain).connect
start = time.perf_counter_ns()
conn = connect(sys.argv[2])
took = time.perf_counter_ns() - start
conn.close()
print(json.dumps({"seconds": took / 1e9}))
"""


def measure(run: Run) -> list[Figure]:
    """Compare first connects of fresh processes."""
    with YugabyteLab() as lab:
        dsns = {"plain": lab.dsn(), "smart": lab.dsn(load_balance=True)}
        arms = {arm: partial(_first, arm, dsn) for arm, dsn in dsns.items()}
        interleave(arms, run.count(3, 0), run.dice())
        read = len(lab.statements(0, "yb_servers"))
        samples = interleave(arms, run.count(80, 2), run.dice())
        discoveries = len(lab.statements(0, "yb_servers")) - read
        assert discoveries == len(samples["smart"])
        notes = {"nodes": len(lab.nodes), **server_settings(lab)}
    pair = samples["smart"], samples["plain"]
    value, interval = figure_of(_ratio, *pair, dice=run.dice())
    return [
        Figure(
            what="first smart connect of a process over a plain one, ratio of p50s",
            value=value,
            unit="times",
            limit=LIMIT,
            bar=f"≤ {LIMIT:g} times",
            interval=interval,
            samples={f"{arm}, ms": summary(s, MS) for arm, s in samples.items()},
            notes=notes,
        )
    ]


def _ratio(values: Sequence[float], base: Sequence[float]) -> float:
    return median(values) / median(base)


def _first(arm: str, dsn: str) -> float:
    return child(SCRIPT, arm, dsn)["seconds"]

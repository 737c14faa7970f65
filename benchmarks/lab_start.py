"""Claim: three real servers are there in a moment.

A fresh process each time, with nothing prepared: from the import of `moorline.lab` to
three servers that serve, on a tmpfs where the system has one.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, child, figure_of, summary
from benchmarks.machine import server_settings
from moorline.lab import YugabyteLab

if TYPE_CHECKING:
    from benchmarks.harness import Run

__all__ = ["measure"]

LIMIT = 1.5
SCRIPT = """
import time
start = time.perf_counter_ns()
import json
from moorline.lab import YugabyteLab

lab = YugabyteLab().open()
opened = time.perf_counter_ns()
assert lab.counts() == (0, 0, 0)
closing = time.perf_counter_ns()
lab.close()
closed = time.perf_counter_ns()
print(json.dumps({"open": (opened - start) / 1e9, "close": (closed - closing) / 1e9}))
"""


def measure(run: Run) -> list[Figure]:
    """Open labs in fresh processes."""
    with YugabyteLab(nodes=1) as lab:
        notes = {"nodes": 3, **server_settings(lab)}
    took = [child(SCRIPT) for _ in range(run.count(15, 1))]
    opened = [one["open"] for one in took]
    value, interval = figure_of(median, opened, dice=run.dice())
    return [
        Figure(
            what="three-node lab from nothing, p50",
            value=value,
            unit="s",
            limit=LIMIT,
            bar=f"≤ {LIMIT:g} s",
            interval=interval,
            samples={
                "open": summary(opened),
                "close": summary([one["close"] for one in took]),
            },
            notes=notes,
        )
    ]

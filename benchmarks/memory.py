"""Claim: a live connection costs next to no memory beyond the driver's own.

Each arm runs in a fresh process, which opens a few connections, then hundreds, and
looks after a garbage collection: at what Python allocated (tracemalloc, exact, the
figure that is judged) and at its resident memory (with the driver's C library, coarse:
pages of 4 KiB, and only on
Linux).
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, above, child, figure_of, summary
from benchmarks.machine import server_settings
from moorline.lab import YugabyteLab

if TYPE_CHECKING:
    from benchmarks.harness import Run

__all__ = ["measure"]

LIMIT = 2048.0
STATUS = Path("/proc/self/status")
SCRIPT = """
import gc, json, re, sys, tracemalloc
from pathlib import Path
import psycopg as plain
from moorline.yugabyte import psycopg as smart

which, dsn, count, way = sys.argv[1:]
connect = (smart if which == "smart" else plain).connect
conns = [connect(dsn) for _ in range(5)]

def traced():
    return tracemalloc.get_traced_memory()[0]

def resident():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", status)[1]) * 1024

if way == "traced":
    tracemalloc.start()
use = traced if way == "traced" else resident
gc.collect()
before = use()
conns += [connect(dsn) for _ in range(int(count))]
gc.collect()
print(json.dumps({"each": (use() - before) / int(count)}))
"""
WAYS = {"traced": "tracemalloc", "resident": "resident memory"}


def measure(run: Run) -> list[Figure]:
    """Hold hundreds of connections, plain and smart."""
    count = run.count(400, 10)
    figures = []
    with YugabyteLab(nodes=1, max_connections=count + 20) as lab:
        dsns = {"plain": lab.dsn(), "smart": lab.dsn(load_balance=True)}
        for way, name in WAYS.items():
            if way == "resident" and not STATUS.exists():
                continue
            samples: dict[str, list[float]] = {"plain": [], "smart": []}
            for _ in range(run.count(7, 1)):
                for which, dsn in dsns.items():
                    lab.wait_counts((0,), timeout=30)
                    each = child(SCRIPT, which, dsn, str(count), way)["each"]
                    samples[which].append(each)
            pair = samples["smart"], samples["plain"]
            value, interval = figure_of(above, *pair, dice=run.dice())
            judged = way == "traced"
            figures.append(
                Figure(
                    what=f"memory per live connection over plain psycopg, {name}",
                    value=value,
                    unit="B",
                    limit=LIMIT if judged else None,
                    bar="≤ 2 KiB" if judged else "",
                    interval=interval,
                    samples={arm: summary(values) for arm, values in samples.items()},
                    notes={
                        "connections": count,
                        "plain, B": median(samples["plain"]),
                        **server_settings(lab),
                    },
                )
            )
    return figures

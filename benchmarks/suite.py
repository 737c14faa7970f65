"""Claim: the whole test suite is done before one's tea: three minutes on two cores."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, timed
from benchmarks.machine import cores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Run

__all__ = ["measure"]

LIMIT = 180.0
CORES = 2
ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "pytest", "-q")


def measure(run: Run) -> list[Figure]:
    """Run the suite once, on two cores."""
    # Only collected when all that matters is whether this works.
    command = [*COMMAND, *(["--collect-only"] if run.quick else [])]
    with _few_cores():
        took = timed(partial(_pytest, command))
        used = cores()
    return [
        Figure(
            what="the whole suite",
            value=took,
            unit="s",
            limit=LIMIT,
            bar="≤ 3 min on 2 cores",
            notes={"cores": used},
        )
    ]


@contextmanager
def _few_cores() -> Iterator[None]:
    """Bind this process and its children to two cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def _pytest(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, f"the suite failed: exit code {done.returncode}"

"""Claim: importing moorline is hardly felt.

Whole interpreters are timed, from start to end. Bytecode is kept in a directory of the
benchmark's own, and is there before the first timing, whatever the environment says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, above, figure_of, interleave, summary, timed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.harness import Run

__all__ = ["measure"]

MS = 1e3
SCRIPTS = {
    "nothing": "pass",
    "moorline": "import moorline",
    "psycopg": "import psycopg",
    "moorline.yugabyte.psycopg": "from moorline.yugabyte import psycopg",
}
CLAIMS = (("moorline", "nothing", 5.0), ("moorline.yugabyte.psycopg", "psycopg", 20.0))


def measure(run: Run) -> list[Figure]:
    """Start interpreters that import one thing each."""
    with TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        arms = {
            name: partial(timed, partial(_start, script, environment))
            for name, script in SCRIPTS.items()
        }
        interleave(arms, run.count(3, 0), run.dice())
        samples = interleave(arms, run.count(100, 1), run.dice())
    figures = []
    for name, base, limit in CLAIMS:
        pair = samples[name], samples[base]
        value, interval = figure_of(above, *pair, dice=run.dice())
        figures.append(
            Figure(
                what=f"import {name} over {base}, p50 of paired differences",
                value=value * MS,
                unit="ms",
                limit=limit,
                bar=f"≤ {limit:g} ms",
                interval=(interval[0] * MS, interval[1] * MS),
                samples={name: summary(pair[0], MS), base: summary(pair[1], MS)},
            )
        )
    return figures


def _start(script: str, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-c", script]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - from above

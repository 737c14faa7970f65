"""What the scripts share that time buffers of moorline beside those of the client.

`benchmarks.questdb_rows` and `benchmarks.questdb_frames` start themselves anew in the
environment that has QuestDB's client. There everything runs in one process, in turn,
and the child prints its results, which the parent shows and writes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import figure_of, interleave, quiet_gc, summary
from benchmarks.peers.environments import ROOT, python_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

__all__ = ["FIRST", "compared", "in_its_environment", "options_of", "save", "shown"]

FIRST = 1_700_000_000_000_000_000  # nanoseconds, of the first row


def options_of(
    description: str | None, *, rounds: int, rows: int
) -> argparse.Namespace:
    """Read the command's words; rounds and rows are what they are by default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--version", type=int, default=2, help="of the protocol")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def in_its_environment(
    module: str, options: argparse.Namespace, *more: str
) -> dict[str, Any]:
    """Run a module as ``child ROUNDS ROWS VERSION`` and more; return what it prints."""
    command = [str(python_of("questdb")), "-m", module, "child"]
    command += map(str, (options.rounds, options.rows, options.version))
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, *more],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compared(
    arms: Mapping[str, Callable[[], float]],
    peer: str,
    rounds: int,
    dice: random.Random,
    *,
    warm: int,
    count: int,
) -> dict[str, dict[str, Any]]:
    """Time all arms in turn, and set each beside the peer's.

    Args:
        arms: By name; each returns how many seconds it took.
        peer: The arm that is the client's.
        rounds: How many count.
        dice: For the order and the resamples.
        warm: How many come before, and are forgotten.
        count: How many rows an arm writes.
    """
    interleave(arms, warm, dice)
    with quiet_gc():
        samples = interleave(arms, rounds, dice)
    results = {}
    for name, taken in samples.items():
        ratio, interval = figure_of(_ratio, samples[peer], taken, dice=dice)
        results[name] = {
            "rows_per_second": count / statistics.median(taken),
            "ratio": ratio,
            "interval": interval,
            "seconds": summary(taken),
        }
    return results


def shown(name: str, one: Mapping[str, Any], *, width: int, digits: int) -> str:
    """Return an arm's results as a line."""
    low, high = one["interval"]
    return (
        f"{name:{width}} {one['rows_per_second'] / 1e6:6.{digits}f} M rows/s, "
        f"{one['ratio']:5.2f} of the client's ({low:.2f} to {high:.2f})"
    )


def save(path: Path | None, results: Mapping[str, Any]) -> None:
    """Write results, if a file is named for them."""
    if path:
        path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def _ratio(peer: list[float], ours: list[float]) -> float:
    return statistics.median(peer) / statistics.median(ours)

"""Run the benchmarks: ``python -m benchmarks [name…]``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    connect,
    first_connect,
    imports,
    lab_start,
    memory,
    pick,
    report,
    suite,
)
from benchmarks.harness import Run
from benchmarks.machine import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results" / "main_job.json"
MEASURES = {
    "connect": connect.measure,
    "pick": pick.measure,
    "imports": imports.measure,
    "memory": memory.measure,
    "first_connect": first_connect.measure,
    "lab_start": lab_start.measure,
    "suite": suite.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the results; 1 if a bar is not met."""
    options = _parser().parse_args(argv)
    if options.read:
        results = report.load(options.read)
    else:
        results = _measure(options)
        whole = not options.names and not options.quick
        path = options.json or (RESULTS if whole else None)
        if path:
            report.save(path, results)
    write = report.markdown if options.markdown else report.table
    print(write(results))
    figures = [one for some in results["measures"].values() for one in some]
    failed = any(one["met"] is False for one in figures)
    return 1 if failed and not results["quick"] else 0


def _measure(options: argparse.Namespace) -> report.Results:
    names = options.names or [name for name in MEASURES if name != "suite"]
    if options.suite and "suite" not in names:
        names = [*names, "suite"]
    machine = describe()
    measures = {}
    for name in names:
        runs = []
        for index in range(1 if name == "suite" else options.runs):
            print(f"{name}, run {index + 1}…", file=sys.stderr, flush=True)
            runs.append(MEASURES[name](Run(options.seed + index, options.quick)))
        measures[name] = report.combine(runs)
    return {
        "date": options.date,
        "seed": options.seed,
        "quick": options.quick,
        "machine": machine,
        "measures": measures,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what moorline costs, against the bars set for it.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="name", help=f"any of {', '.join(MEASURES)}")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help=f"where to write the results; for a whole run {RESULTS.name} by default",
    )
    add("--runs", type=int, default=3, help="do all of it so often (default: 3)")
    add("--quick", action="store_true", help="tiny counts, to see that it works")
    add("--suite", action="store_true", help="time the test suite, too")
    add("--markdown", action="store_true", help="print the table as Markdown")
    add("--read", type=Path, metavar="FILE", help="measure nothing, read results")
    add("--seed", type=int, default=20, help="for orders and resamples (default: 20)")
    today = datetime.now(UTC).date().isoformat()
    add("--date", default=today, help="the date that results carry (default: today)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

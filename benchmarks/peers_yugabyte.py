"""Moorline and YugabyteDB's own Python drivers, side by side on the same servers.

``python -m benchmarks.peers_yugabyte [scenario…]``. Each driver runs in an environment
of its own, with one and the same worker script; what is counted, servers count.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.harness import Run
from benchmarks.machine import describe
from benchmarks.peers import latency, silence, spread, table, trouble
from benchmarks.peers.client import WorkerFailed
from benchmarks.peers.drivers import DRIVERS, OURS
from benchmarks.peers.environments import python_of
from benchmarks.peers.measures import cost_of, failure, judge, shown
from benchmarks.peers.stage import Stage
from moorline.lab import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.peers.measures import Measure, Row
    from benchmarks.peers.stage import Scenario

RESULTS = Path(__file__).parent / "results" / "peers_yugabyte.json"
SCENARIOS = {**spread.SCENARIOS, **trouble.SCENARIOS, **silence.SCENARIOS}
LATENCY = "latency"
RowResults = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all drivers, write the results, print the table."""
    parser = _parser()
    options = parser.parse_args(argv)
    if unknown := set(options.names) - {*SCENARIOS, LATENCY}:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if options.read:
        results = report.load(options.read)
    else:
        results = _compare(options)
        whole = not (options.names or options.only or options.quick)
        path = options.json or (RESULTS if whole else None)
        if path:
            report.save(path, results)
    print(table.markdown(results))
    return 0


def _compare(options: argparse.Namespace) -> report.Results:
    drivers = [DRIVERS[name] for name in options.only or DRIVERS]
    for driver in drivers:
        python_of(driver.name)
    machine = describe()
    run = Run(options.seed, options.quick)
    rows: list[RowResults] = []
    with Templates() as templates:
        stages = [Stage(driver, run, templates) for driver in drivers]
        versions = {stage.driver.name: _versions(stage) for stage in stages}
        for name in options.names or [*SCENARIOS, LATENCY]:
            print(f"{name}…", file=sys.stderr, flush=True)
            if name == LATENCY:
                rows += [_row(*measured) for measured in latency.measure(stages)]
            else:
                rows += _played(stages, SCENARIOS[name], options.runs, run)
    return {
        "date": options.date,
        "seed": options.seed,
        "quick": options.quick,
        "machine": machine,
        "drivers": versions,
        "rows": rows,
    }


def _versions(stage: Stage) -> dict[str, str]:
    with stage.worker() as worker:
        versions: dict[str, str] = worker.ask("versions")
    return versions


def _played(
    stages: Sequence[Stage], scenario: Scenario, runs: int, run: Run
) -> Iterator[RowResults]:
    """Play a scenario so often with each driver, in random order."""
    gathered: dict[str, list[list[Measure]]] = {one.driver.name: [] for one in stages}
    order, dice = list(stages), run.dice()
    for _ in range(min(runs, scenario.runs)):
        dice.shuffle(order)
        for stage in order:
            gathered[stage.driver.name].append(_once(scenario, stage))
    for index, row in enumerate(scenario.rows):
        results = {}
        for name, played in gathered.items():
            measures = [measures[index] for measures in played]
            results[name] = {
                "shown": shown(measures, row.unit),
                "cost": cost_of(measures),
                "runs": [asdict(one) for one in measures],
            }
        yield _row(row, str(len(measures)), results)


def _once(scenario: Scenario, stage: Stage) -> list[Measure]:
    """Play a scenario; rows that a failed worker leaves empty show how it failed."""
    measures: list[Measure] = []
    try:
        for measure in scenario.play(stage):
            measures.append(measure)  # noqa: PERF402 - those before a failure count
    except WorkerFailed as failed:
        missing = len(scenario.rows) - len(measures)
        measures += [failure(str(failed))] * missing
    assert len(measures) == len(scenario.rows)
    return measures


def _row(row: Row, runs: str, results: Mapping[str, dict[str, Any]]) -> RowResults:
    ours = results.get(OURS)
    verdicts = {
        name: judge(ours, theirs, row.margin)
        for name, theirs in results.items()
        if name != OURS and ours and row.judged
    }
    return {**asdict(row), "runs": runs, "drivers": results, "verdicts": verdicts}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers_yugabyte",
        description="Compare moorline with YugabyteDB's own Python drivers.",
    )
    add = parser.add_argument
    known = [*SCENARIOS, LATENCY]
    add("names", nargs="*", metavar="scenario", help=f"any of {', '.join(known)}")
    add("--only", action="append", choices=DRIVERS, help="this driver; may be repeated")
    add("--runs", type=int, default=5, help="play each scenario so often (default: 5)")
    add("--quick", action="store_true", help="tiny counts, to see that it works")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help=f"where to write the results; for a whole run {RESULTS.name} by default",
    )
    add("--read", type=Path, metavar="FILE", help="run nothing, read results")
    add("--seed", type=int, default=20, help="for orders and resamples (default: 20)")
    today = datetime.now(UTC).date().isoformat()
    add("--date", default=today, help="the date that results carry (default: today)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Moorline and YugabyteDB's own Python drivers, side by side on the same servers.

``python -m benchmarks.peers_yugabyte [scenario…]``. Each driver runs in an environment
of its own, with one and the same worker script; what is counted, servers count.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Run
from benchmarks.machine import describe
from benchmarks.peers import latency, silence, spread, table, trouble
from benchmarks.peers.client import WorkerFailed
from benchmarks.peers.command import Command, measured, results
from benchmarks.peers.drivers import DRIVERS, OURS
from benchmarks.peers.environments import python_of
from benchmarks.peers.measures import cost_of, failure, judge, shown
from benchmarks.peers.stage import Stage
from moorline.lab import Templates

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.peers.command import RowResults
    from benchmarks.peers.measures import Measure, Row
    from benchmarks.peers.stage import Scenario
    from benchmarks.report import Results

SCENARIOS = {**spread.SCENARIOS, **trouble.SCENARIOS, **silence.SCENARIOS}
LATENCY = "latency"
COMMAND = Command(
    module="peers_yugabyte",
    description="Compare moorline with YugabyteDB's own Python drivers.",
    kind="scenario",
    names=(*SCENARIOS, LATENCY),
    clients=DRIVERS,
    only="this driver; may be repeated",
    runs=5,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all drivers, write the results, print the table."""
    return COMMAND.main(argv, _compare, table.markdown)


def _compare(options: Namespace) -> Results:
    drivers = [DRIVERS[name] for name in options.only]
    for driver in drivers:
        python_of(driver.name)
    machine = describe()
    run = Run(options.seed, options.quick)
    with Templates() as templates:
        stages = [Stage(driver, run, templates) for driver in drivers]
        versions = {stage.driver.name: _versions(stage) for stage in stages}
        rows = measured(options.names, partial(_rows, stages, options.runs, run))
    return results(options, machine, drivers=versions, rows=rows)


def _rows(
    stages: Sequence[Stage], runs: int, run: Run, name: str
) -> Iterator[RowResults]:
    if name == LATENCY:
        return (_row(*found) for found in latency.measure(stages))
    return _played(stages, SCENARIOS[name], runs, run)


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


if __name__ == "__main__":
    sys.exit(main())

"""Moorline and QuestDB's own clients, side by side on the same rows.

``python -m benchmarks.peers_questdb [measure…]``. The client for Python runs in an
environment of its own, with one and the same worker script; the one for Rust is a
program that does the same.
"""

from __future__ import annotations

import sys
from argparse import ArgumentError
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks.harness import Run
from benchmarks.machine import describe
from benchmarks.peers.client import WorkerFailed
from benchmarks.peers.command import Command, measured, results
from benchmarks.questdb_peers import (
    buffers,
    imports,
    sends,
    sizes,
    table,
    turns,
)
from benchmarks.questdb_peers.stage import ALL, Stage
from moorline.lab import LabError, questdb_jar, questdb_java
from moorline.lab.questdb_options import VERSION

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from benchmarks.report import Results

MEASURES = {
    "rows": buffers.rows,
    "frames": buffers.frames,
    "sink": sends.sink,
    "server": sends.server,
    "turns": turns.measure,
    "imports": imports.measure,
    "sizes": sizes.measure,
}
# Of what the machine is said to be; there is no PostgreSQL in this.
MACHINE = ("machine", "cpu", "cores", "system", "load average before", "python")
COMMAND = Command(
    module="peers_questdb",
    description="Compare moorline with QuestDB's own clients.",
    kind="measure",
    names=MEASURES,
    clients=ALL,
    only="this client alone",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the results, print the table."""
    return COMMAND.main(argv, _compare, table.markdown)


def _compare(options: Namespace) -> Results:
    server = _server() if "server" in options.names else "none"
    described = describe()
    machine = {name: described[name] for name in MACHINE}
    clients = tuple(options.only)
    with Stage(Run(options.seed, options.quick), clients) as stage:
        versions = {client: _versions(stage, client) for client in clients}
        rows = measured(options.names, lambda name: map(asdict, MEASURES[name](stage)))
    return results(options, machine, server=server, clients=versions, rows=rows)


def _server() -> str:
    """Tell what serves; ArgumentError before anything is measured, if nothing can."""
    try:
        questdb_jar.find(VERSION)
        return f"{VERSION} on Java {questdb_java.find().major}"
    except LabError as error:
        raise ArgumentError(None, f"server: {error}") from error


def _versions(stage: Stage, client: str) -> dict[str, str]:
    try:
        versions: dict[str, str] = stage.worker(client).ask("versions")
    except WorkerFailed as failed:
        return {client: str(failed)}
    return versions


if __name__ == "__main__":
    sys.exit(main())

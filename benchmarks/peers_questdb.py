"""Moorline and QuestDB's own clients, side by side on the same rows.

``python -m benchmarks.peers_questdb [measure…]``. The client for Python runs in an
environment of its own, with one and the same worker script; the one for Rust is a
program that does the same.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.harness import Run
from benchmarks.machine import describe
from benchmarks.peers.client import WorkerFailed
from benchmarks.questdb_peers import buffers, imports, sends, sizes, table
from benchmarks.questdb_peers.stage import ALL, Stage
from moorline.lab import LabError, questdb_jar, questdb_java
from moorline.lab.questdb_options import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results" / "peers_questdb.json"
MEASURES = {
    "rows": buffers.rows,
    "frames": buffers.frames,
    "sink": sends.sink,
    "server": sends.server,
    "imports": imports.measure,
    "sizes": sizes.measure,
}
# Of what the machine is said to be; there is no PostgreSQL in this.
MACHINE = ("machine", "cpu", "cores", "system", "load average before", "python")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the results, print the table."""
    parser = _parser()
    options = parser.parse_args(argv)
    if unknown := set(options.names) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    if options.read:
        results = report.load(options.read)
    else:
        names = options.names or list(MEASURES)
        try:
            server = _server() if "server" in names else "none"
        except LabError as error:
            parser.error(f"server: {error}")
        results = _compare(options, names, server)
        whole = not (options.names or options.only or options.quick)
        path = options.json or (RESULTS if whole else None)
        if path:
            report.save(path, results)
    print(table.markdown(results))
    return 0


def _compare(
    options: argparse.Namespace, names: Sequence[str], server: str
) -> report.Results:
    clients = tuple(options.only or ALL)
    described = describe()
    rows = []
    with Stage(Run(options.seed, options.quick), clients) as stage:
        versions = {client: _versions(stage, client) for client in clients}
        for name in names:
            print(f"{name}…", file=sys.stderr, flush=True)
            rows += [asdict(row) for row in MEASURES[name](stage)]
    return {
        "date": options.date,
        "seed": options.seed,
        "quick": options.quick,
        "machine": {name: described[name] for name in MACHINE},
        "server": server,
        "clients": versions,
        "rows": rows,
    }


def _server() -> str:
    """Tell what serves; LabError before anything is measured, if nothing can."""
    questdb_jar.find(VERSION)
    return f"{VERSION} on Java {questdb_java.find().major}"


def _versions(stage: Stage, client: str) -> dict[str, str]:
    try:
        versions: dict[str, str] = stage.worker(client).ask("versions")
    except WorkerFailed as failed:
        return {client: str(failed)}
    return versions


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers_questdb",
        description="Compare moorline with QuestDB's own clients.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="measure", help=f"any of {', '.join(MEASURES)}")
    add("--only", action="append", choices=ALL, help="this client alone")
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

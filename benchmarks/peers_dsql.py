"""Moorline and AWS's own connector for Aurora DSQL, side by side on the same stand-in.

``python -m benchmarks.peers_dsql [measure…]``. Each client runs in an environment of
its own, with one and the same worker script.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.dsql_peers import (
    connects,
    fills,
    imports,
    increments,
    insecure,
    renewals,
    table,
    tokens,
)
from benchmarks.dsql_peers.clients import CLIENTS
from benchmarks.dsql_peers.stage import Stage
from benchmarks.harness import Run
from benchmarks.machine import describe
from benchmarks.peers.environments import python_of
from moorline.lab import Templates

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results" / "peers_dsql.json"
MEASURES = {
    "tokens": tokens.measure,
    "connects": connects.measure,
    "fetches": fills.fetches,
    "stalls": fills.stalls,
    "imports": imports.measure,
    "increments": increments.measure,
    "renewals": renewals.measure,
    "insecure": insecure.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the results, print the table."""
    parser = _parser()
    options = parser.parse_args(argv)
    if unknown := set(options.names) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
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
    clients = tuple(options.only or CLIENTS)
    for client in clients:
        python_of(client)
    machine = describe()
    rows = []
    with Templates() as templates:
        stage = Stage(Run(options.seed, options.quick), clients, templates)
        versions = {client: stage.versions(client) for client in clients}
        for name in options.names or MEASURES:
            print(f"{name}…", file=sys.stderr, flush=True)
            rows += [asdict(row) for row in MEASURES[name](stage)]
    return {
        "date": options.date,
        "seed": options.seed,
        "quick": options.quick,
        "machine": machine,
        "clients": versions,
        "rows": rows,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers_dsql",
        description="Compare moorline with AWS's own connector for Aurora DSQL.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="measure", help=f"any of {', '.join(MEASURES)}")
    add("--only", action="append", choices=CLIENTS, help="this client alone")
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

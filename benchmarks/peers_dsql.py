"""Moorline and AWS's own connector for Aurora DSQL, side by side on the same stand-in.

``python -m benchmarks.peers_dsql [measure…]``. Each client runs in an environment of
its own, with one and the same worker script.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

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
from benchmarks.peers.command import Command, measured, results
from benchmarks.peers.environments import python_of
from moorline.lab import Templates

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from benchmarks.report import Results

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
COMMAND = Command(
    module="peers_dsql",
    description="Compare moorline with AWS's own connector for Aurora DSQL.",
    kind="measure",
    names=MEASURES,
    clients=CLIENTS,
    only="this client alone",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the results, print the table."""
    return COMMAND.main(argv, _compare, table.markdown)


def _compare(options: Namespace) -> Results:
    clients = tuple(options.only)
    for client in clients:
        python_of(client)
    machine = describe()
    with Templates() as templates:
        stage = Stage(Run(options.seed, options.quick), clients, templates)
        versions = {client: stage.versions(client) for client in clients}
        rows = measured(options.names, lambda name: map(asdict, MEASURES[name](stage)))
    return results(options, machine, clients=versions, rows=rows)


if __name__ == "__main__":
    sys.exit(main())

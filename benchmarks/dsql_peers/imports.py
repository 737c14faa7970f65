"""What an import costs over that of the driver, in fresh interpreters.

The driver is imported first, then the client is timed, its pool included. Bytecode is
kept in a directory of the measure's own, and is there before the first timing.
"""

from __future__ import annotations

import json
import os
import subprocess
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import CLIENTS
from benchmarks.dsql_peers.rows import row, short
from benchmarks.harness import summary
from benchmarks.peers.client import FOREIGN
from benchmarks.peers.environments import ROOT, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage

__all__ = ["measure"]

MOST = 0.020  # seconds; the bar
COUNT = 40
SCRIPT = """
import importlib, json, sys, time
for name in sys.argv[3:]:
    importlib.import_module(name)
before = len(sys.modules)
start = time.perf_counter_ns()
getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
took = (time.perf_counter_ns() - start) / 1e9
after = len(sys.modules)
print(json.dumps([took, after - before, "botocore" in sys.modules]))
"""
BASES = (("psycopg", "psycopg_pool"), ("asyncpg",))
Told = list[Any]


def measure(stage: Stage) -> Iterator[Row]:
    """Import each client's module for each driver, the driver being there."""
    with TemporaryDirectory() as bytecode:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        environment = {**kept, "PYTHONPYCACHEPREFIX": bytecode}
        for index, base in enumerate(BASES):
            results: dict[str, list[Told]] = {client: [] for client in stage.clients}
            for number in range(stage.run.count(COUNT, 1) + 1):
                for client, runs in results.items():
                    names = (
                        CLIENTS[client].modules[index],
                        CLIENTS[client].pools[index],
                    )
                    told = _import(client, (*names, *base), environment)
                    if number:  # the first one writes bytecode
                        runs.append(told)
            yield row(
                f"import: {base[0]}",
                f"the import for {base[0]} over that of {' and '.join(base)}, p50",
                {client: _summary(runs) for client, runs in results.items()},
                _show,
                bar=f"≤ {short(MOST)}, no botocore",
                met=lambda one: one["p50"] <= MOST and not one["botocore"],
            )


def _summary(runs: list[Told]) -> dict[str, Any]:
    (modules,) = {modules for _, modules, _ in runs}
    botocore = any(botocore for *_, botocore in runs)
    took = summary([took for took, *_ in runs])
    return {**took, "modules": modules, "botocore": botocore}


def _show(one: Mapping[str, Any]) -> str:
    botocore = "botocore among them" if one["botocore"] else "no botocore"
    return f"{short(one['p50'])}; {one['modules']} modules, {botocore}"


def _import(client: str, names: Sequence[str], environment: Mapping[str, str]) -> Told:
    done = subprocess.run(  # noqa: S603 - our own interpreters and script
        [str(python_of(client)), "-c", SCRIPT, *names],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
        timeout=60,
    )
    told: Told = json.loads(done.stdout)
    return told

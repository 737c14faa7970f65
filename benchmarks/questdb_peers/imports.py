"""What an import costs over that of nothing, in fresh interpreters.

Whole interpreters are timed, from start to end. Bytecode is kept in a directory of the
measure's own, and is there before the first timing.
"""

from __future__ import annotations

import os
import subprocess
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.harness import above, figure_of, interleave, summary, timed
from benchmarks.peers.client import FOREIGN
from benchmarks.peers.environments import python_of
from benchmarks.questdb_peers.clients import OURS, PEER
from benchmarks.questdb_peers.rows import MISSING, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.questdb_peers.stage import Stage

__all__ = ["measure"]

MOST = 0.030  # seconds; the bar
ROUNDS, UNTIMED = 40, 3
NOTHING = "pass"
IMPORTS = {
    OURS: "from moorline.questdb import Sender, SenderBuilder",
    PEER: "from questdb import Sender",
}
FIRST = "; Sender.from_conf('http::addr=localhost:9000;')"  # which does not connect yet


def measure(stage: Stage) -> Iterator[Row]:
    """Start interpreters that import one thing each, or nothing."""
    clients = [client for client in IMPORTS if client in stage.clients]
    with TemporaryDirectory() as bytecode:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        environment = {**kept, "PYTHONPYCACHEPREFIX": bytecode}
        arms = {
            f"{client}: {script}": partial(
                timed, partial(_start, client, script, environment)
            )
            for client in clients
            for script in (NOTHING, IMPORTS[client], IMPORTS[client] + FIRST)
        }
        interleave(arms, stage.run.count(UNTIMED, 1), stage.run.dice())
        samples = interleave(arms, stage.run.count(ROUNDS, 2), stage.run.dice())

    def above_nothing(more: str) -> dict[str, tuple[float, tuple[float, float]]]:
        return {
            client: figure_of(
                above,
                samples[f"{client}: {IMPORTS[client]}{more}"],
                samples[f"{client}: {NOTHING}"],
                dice=stage.run.dice(),
            )
            for client in clients
        }

    imported, made = above_nothing(""), above_nothing(FIRST)
    yield Row(
        name="import",
        what="the import of a sender, over an interpreter that imports nothing",
        ours=_shown(imported, OURS),
        beside=_shown(imported, PEER),
        bar=f"≤ {MOST * 1e3:g} ms",
        met=imported[OURS][0] <= MOST if OURS in imported else None,
        details={name: summary(some) for name, some in samples.items()},
    )
    yield Row(
        name="import and sender",
        what="… and the first sender, with which moorline imports the rest",
        ours=_shown(made, OURS),
        beside=_shown(made, PEER),
    )


def _shown(found: Mapping[str, tuple[float, tuple[float, float]]], client: str) -> str:
    if client not in found:
        return MISSING
    value, (low, high) = found[client]
    return f"{value * 1e3:.3g} ms ({low * 1e3:.3g} to {high * 1e3:.3g})"


def _start(client: str, script: str, environment: Mapping[str, str]) -> None:
    command = [str(python_of(client)), "-c", script]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - from above

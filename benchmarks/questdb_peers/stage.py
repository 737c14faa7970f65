"""What the measures are taken on: the clients' programs, each in its environment."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from benchmarks.peers.client import Worker
from benchmarks.peers.environments import python_of
from benchmarks.questdb_peers import rust
from benchmarks.questdb_peers.clients import OURS, PEER, RUST

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.harness import Run

__all__ = ["ALL", "PURE", "Stage"]

ALL = (OURS, PEER, RUST)
PURE = "moorline, Python alone"


class Stage:
    """How much is to be measured, and of which clients.

    A program is started when it is first asked for, and runs until the stage is left.
    """

    def __init__(self, run: Run, clients: tuple[str, ...]) -> None:
        self.run = run
        self.clients = (*clients, *((PURE,) if OURS in clients else ()))
        self._stack = ExitStack()
        self._workers: dict[str, Worker] = {}

    def worker(self, client: str) -> Worker:
        """Return the program that has a client.

        Raises WorkerFailed if it must be built and cannot be.
        """
        if client not in self._workers:
            environment = {"MOORLINE_IMPL": "python"} if client == PURE else {}
            started = Worker(_command(client), environment)
            self._workers[client] = self._stack.enter_context(started)
        return self._workers[client]

    def sink(self) -> Worker:
        """Start a server that forgets what it is sent."""
        command = [sys.executable, "-m", "benchmarks.questdb_peers.sink"]
        return self._stack.enter_context(Worker(command))

    def __enter__(self) -> Self:
        """Do nothing more than __init__."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all programs."""
        self._stack.close()


def _command(client: str) -> list[str]:
    if client == RUST:
        return [str(rust.program())]
    name = OURS if client == PURE else client
    python = str(python_of(name))
    return [python, "-m", "benchmarks.questdb_peers.worker", name]

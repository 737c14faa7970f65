"""The controller's end of a worker: asks, waits, and gives up after a while."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from benchmarks.peers.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["LIMIT", "Attempt", "Place", "Worker", "WorkerFailed"]

Place = tuple[str, int] | tuple[()]  # address and port of a server

LIMIT = 60.0  # seconds for what is expected to take a moment; more is a hang
FAREWELL = 5.0  # seconds for a worker to end when nobody asks it any more
# Settings that would reach into a worker.
FOREIGN = ("PG", "PYTHON", "MOORLINE_", "AWS_", "SSL_")


class WorkerFailed(Exception):  # noqa: N818 - it failed, and that is the result
    """A worker hung, died or raised: what the table says about it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connect as the program saw it: its error, if any, and its time."""

    error: str | None
    seconds: float


class Worker:
    """A process that has the driver; see `benchmarks.peers.worker` for the verbs.

    Args:
        command: What starts it.
        environment: Variables that it has besides.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the process."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(  # noqa: S603 - our script
            [*command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            cwd=ROOT,
            env={**kept, "PYTHONUTF8": "1", **(environment or {})},
            encoding="utf-8",
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def ask(self, verb: str, *, limit: float = LIMIT, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Have something done, and return what it came to.

        Raises WorkerFailed if it raises, if the process ends, or if nothing comes
        within `limit` seconds; in the last two cases the worker is of no more use.
        """
        assert self._process.stdin is not None
        try:
            print(json.dumps([verb, arguments]), file=self._process.stdin, flush=True)
            line = self._answers.get(timeout=limit)
        except queue.Empty:
            self._process.kill()
            raise WorkerFailed(f"more than {limit:g} s") from None
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerFailed(f"died: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer["answer"]

    def open(
        self,
        group: str,
        count: int,
        params: Mapping[str, object],
        *,
        at_once: bool = False,
        limit: float = LIMIT,
    ) -> list[Attempt]:
        """Open connections, in turn or each in a thread, and keep them in a group."""
        arguments = {"group": group, "count": count, "params": params}
        told = self.ask("open", limit=limit, at_once=at_once, **arguments)
        return [Attempt(*one) for one in told]

    def look(self, group: str) -> list[Place]:
        """Return where the servers say that connections are; nothing for broken ones.

        Each is used for it.
        """
        return [tuple(place) for place in self.ask("look", group=group)]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._noise.close()

    def __enter__(self) -> Self:
        """Do nothing more than __init__."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._answers.put(line)
        self._answers.put("")  # the end

    def _last_words(self) -> str:
        self._process.wait(FAREWELL)
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return last or f"exit code {self._process.returncode}"

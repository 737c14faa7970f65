"""Run the command as its users do, and look for what it leaves behind."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = [sys.executable, "-m", "moorline"]
PATIENCE = 15.0  # seconds; ten times what anything here takes


class Command:
    """Start the command line in processes of its own."""

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run(*MODULE, *words, **options)

    def run(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options.setdefault("timeout", PATIENCE)
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, **options
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        # A group of its own, as a shell makes it: Ctrl-C goes to all of the group.
        return subprocess.Popen(
            [*MODULE, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )


@pytest.fixture
def command() -> Iterator[Command]:
    # In a background job SIGINT is ignored, and children would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield Command()
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    logger = logging.getLogger("moorline.yugabyte")
    before = list(logger.filters)
    yield
    logger.filters[:] = before


@pytest.fixture
def wait_until() -> Callable[[Callable[[], Any]], Any]:
    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.01)
        return result

    return wait


class Traces:
    """Find the processes and directories of the lab that a process has opened."""

    def keeper(self, owner: int) -> int | None:
        """Return the pid of the process that keeps that lab."""
        for pid, words in self._processes():
            if words[-1] == str(owner) and words[-2:][0].endswith("keeper.py"):
                return pid
        return None

    def directories(self, keeper: int) -> list[Path]:
        bases = {Path("/dev/shm"), Path("/tmp"), Path(tempfile.gettempdir())}  # noqa: S108
        return [p for base in bases for p in base.glob(f"moorline-lab-{keeper}-*")]

    def servers(self, keeper: int) -> list[int]:
        """Return the server processes: they stand in their data directory."""
        mark = f"/moorline-lab-{keeper}-"
        found = []
        for pid, words in self._processes():
            try:
                place = str(Path(f"/proc/{pid}/cwd").readlink())
            except OSError:
                place = ""
            if mark in place or any(mark in word for word in words):
                found.append(pid)
        return found

    def left(self, keeper: int) -> list[object]:
        alive = [pid for pid, _ in self._processes() if pid == keeper]
        return [*alive, *self.servers(keeper), *self.directories(keeper)]

    def _processes(self) -> Iterator[tuple[int, list[str]]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if words:  # a zombie has none
                    yield int(entry.name), words.rstrip("\0").split("\0")


@pytest.fixture
def traces() -> Traces:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("processes are found in /proc")
    return Traces()

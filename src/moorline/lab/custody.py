"""Talk to the keeper: the lab's side of the pipe."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from moorline.lab.account import Account, choose_base
from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Custody"]

_SCRIPT = Path(__file__).with_name("keeper.py")
_POLL = 0.003  # seconds between looks at a process that is being awaited
_END = 20.0  # seconds in which the keeper must have cleaned up
_ENV = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "ICU_DATA")


class Custody:
    """Hold processes and directories that end with this object.

    Wraps one keeper process. Thread-safe. A child of ``os.fork`` inherits the pipe
    but not the ownership: its ``close`` does nothing.
    """

    def __init__(self) -> None:
        """Start the keeper (about 30 ms, not waited for)."""
        self.account = Account()
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._keeper = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", str(_SCRIPT), str(self._owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,  # a terminal's Ctrl-C is the owner's affair
        )

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._keeper.pid

    @property
    def owned(self) -> bool:
        """Whether this process started the keeper, rather than a parent by fork."""
        return self._owner == os.getpid()

    def mkdir(self, *, programs: bool = False) -> Path:
        """Make a directory that the servers' account may enter, in memory if possible.

        ``programs`` says that some will be executed in it.
        """
        base = choose_base(self.account, programs=programs)
        path = Path(str(self._ask(do="mkdir", base=str(base))["path"]))
        path.chmod(0o755)
        self.account.give(path)
        return path

    def spawn(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        stdin: Path = Path(os.devnull),
    ) -> int:
        """Start a program as the account, in a minimal environment; return its pid."""
        env = {name: os.environ[name] for name in _ENV if name in os.environ}
        answer = self._ask(
            do="spawn",
            argv=[str(word) for word in argv],
            env=env | {"LC_ALL": "C"},
            log=str(log),
            stdin=str(stdin),
            uid=self.account.uid,
            gid=self.account.gid,
        )
        return cast("int", answer["pid"])

    def poll(self, pid: int) -> int | None:
        """Return the exit code of a process of ours, None while it runs."""
        return cast("int | None", self._ask(do="poll", pid=pid)["code"])

    def signal(self, pid: int, number: int) -> bool:
        """Send a signal; False if the process had ended before."""
        return bool(self._ask(do="signal", pid=pid, signal=number)["sent"])

    def wait(self, pid: int, seconds: float) -> int | None:
        """Wait for an exit code; None if it did not come in time."""
        deadline = time.monotonic() + seconds
        while (code := self.poll(pid)) is None and time.monotonic() < deadline:
            time.sleep(_POLL)
        return code

    def await_orphans(self, seconds: float) -> bool:
        """Wait for backends of killed servers to end; False if some did not (Linux)."""
        deadline = time.monotonic() + seconds
        while (count := self._ask(do="orphans")["count"]) and (
            time.monotonic() < deadline
        ):
            time.sleep(_POLL)
        return count == 0

    def close(self) -> None:
        """End all processes and remove all directories; return when that is done.

        Raises LabError if the keeper reports that something is left.
        """
        if not self.owned or self._keeper.stdin is None:
            return
        with self._lock:
            with contextlib.suppress(BrokenPipeError):  # then it is gone already
                self._keeper.stdin.close()
            try:
                code = self._keeper.wait(_END)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                code = self._keeper.wait()
            complaint = _drain(self._keeper.stderr)
            for pipe in (self._keeper.stdout, self._keeper.stderr):
                if pipe is not None:
                    pipe.close()
            self._keeper.stdin = None
        if code:
            raise LabError(
                f"the lab's keeper could not clean up (exit code {code}): {complaint}"
            )

    def _ask(self, **command: object) -> Mapping[str, object]:
        if not self.owned:
            raise LabError(
                "this process is a fork: only the one that opened the lab governs it"
            )
        with self._lock:
            answer = self._exchange(command)
        if "error" in answer:
            raise LabError(
                f"the lab's keeper could not {command['do']}: {answer['error']}"
            )
        return answer

    def _exchange(self, command: dict[str, object]) -> Mapping[str, object]:
        stdin, stdout = self._keeper.stdin, self._keeper.stdout
        if stdin is None or stdout is None:
            raise LabError("the lab is closed")
        number = next(self._numbers)
        try:
            stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
            stdin.flush()
            while line := stdout.readline():
                answer = cast("dict[str, object]", json.loads(line))
                # An older number answers a command that Ctrl-C interrupted.
                if answer["id"] == number:
                    return answer
        except BrokenPipeError:
            pass  # the keeper is gone; what it said last is raised below
        self._keeper.wait(_END)
        raise LabError(f"the lab's keeper has ended: {_drain(self._keeper.stderr)}")


def _drain(pipe: IO[bytes] | None) -> str:
    text = pipe.read().decode(errors="replace").strip() if pipe is not None else ""
    return text or "it said nothing"

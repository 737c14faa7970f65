"""Keep the lab's processes and files, and end them when the lab's owner is gone.

A script, not a module: the lab starts it with ``python -I -S keeper.py <owner pid>``,
so it imports the standard library only and nothing of moorline.

It is the parent of every server process and the only one who makes directories.
It obeys one JSON object per line on stdin and answers each with one on stdout; no
command blocks. When stdin ends or the owner's pid is no longer its parent, however
that came about (a return, Ctrl-C, SIGKILL), it stops its children, waits for their
children too, removes its directories and exits: with 0 if nothing is left.

Its own death by SIGKILL takes the servers along (``PR_SET_PDEATHSIG``, Linux);
only the directory stays then.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = "dict[str, Any]"

GRACE = 5.0  # seconds that a server has for a fast shutdown before it is killed
ORPHAN_GRACE = 1.0  # seconds that backends have to notice their postmaster's death
OWNER_CHECK = 0.5  # seconds between looks at the parent's pid
LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IPC_RMID = 0
SHARED_MEMORY_LINE = 6  # of postmaster.pid, from 0: its key and its id

libc = ctypes.CDLL(None)


class Keeper:
    """Own the children and the directories."""

    def __init__(self) -> None:
        """Start with nothing to keep."""
        self.directories: list[str] = []
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.paused: set[int] = set()
        self.commands: dict[str, Callable[[Json], Json]] = {
            "mkdir": self.mkdir,
            "spawn": self.spawn,
            "poll": self.poll,
            "signal": self.signal,
            "orphans": self.orphans,
        }

    def obey(self, line: bytes) -> Json:
        """Perform one command; an error becomes the answer."""
        command = json.loads(line)
        try:
            answer = self.commands[command["do"]](command)
        except OSError as error:
            answer = {"error": str(error)}
        return {"id": command["id"], **answer}

    def mkdir(self, command: Json) -> Json:
        """Make a fresh directory under ``base``, to be removed at the end."""
        name = f"moorline-lab-{os.getpid()}-{os.urandom(4).hex()}"
        path = os.path.join(command["base"], name)  # noqa: PTH118 - pathlib is slow to import
        os.mkdir(path, 0o700)  # noqa: PTH102
        self.directories.append(path)
        return {"path": path}

    def spawn(self, command: Json) -> Json:
        """Start a child as ``uid``/``gid`` with its output appended to ``log``."""
        uid, gid = command["uid"], command["gid"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = os.open(command["log"], flags, 0o600)
        source = os.open(command["stdin"], os.O_RDONLY)
        try:
            child = subprocess.Popen(  # noqa: S603 - the lab's own command line
                command["argv"],
                cwd="/",
                env=command["env"],
                stdin=source,
                stdout=log,
                stderr=log,
                # A group of its own within the keeper's session: when the keeper dies
                # the kernel finds the group orphaned and wakes stopped members, so
                # that a paused server too receives its death signal.
                process_group=0,
                preexec_fn=die_with(os.getpid()) if LINUX else None,  # noqa: PLW1509 - single-threaded
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
            )
        finally:
            os.close(log)
            os.close(source)
        self.children[child.pid] = child
        return {"pid": child.pid}

    def poll(self, command: Json) -> Json:
        """Tell the exit code of ``pid``, or None while it runs."""
        self.reap()
        return {"code": self.children[command["pid"]].returncode}

    def signal(self, command: Json) -> Json:
        """Send a signal to a child that runs; a child that ended is let be."""
        pid, number = command["pid"], command["signal"]
        self.reap()
        running = self.children[pid].returncode is None
        if running:
            os.kill(pid, number)
            if number == signal.SIGSTOP:
                self.paused.add(pid)
                if hasattr(os, "waitid"):
                    # Once it has stopped: if we are killed before, nobody wakes it up
                    # to take the signal that our death sends.
                    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return {"sent": running}

    def orphans(self, _command: Json) -> Json:
        """Count the processes that were adopted: backends of a killed postmaster."""
        self.reap()
        return {"count": len(self.adopted())}

    def reap(self) -> bool:
        """Collect the children that ended, adopted ones too; False if none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self.children:
                code = os.waitstatus_to_exitcode(status)
                self.children[pid].returncode = code

    def end(self) -> bool:
        """Stop everything, remove everything; True if nothing is left."""
        self.reap()
        for pid, child in self.children.items():
            if child.returncode is None:
                # A server that was paused holds half-accepted clients, for which a
                # fast shutdown waits up to 20 s.
                fast = pid not in self.paused
                os.kill(pid, signal.SIGINT if fast else signal.SIGKILL)
        if self.wait(self.running, GRACE):
            self.kill(self.running())
            self.wait(self.running, GRACE)
        if self.wait(self.adopted, ORPHAN_GRACE):
            self.kill(self.adopted())
            self.wait(self.adopted, GRACE)
        left = self.running() + self.adopted()
        for directory in filter(os.path.exists, self.directories):
            release_shared_memory(directory)
            try:
                remove(directory)
            except OSError as error:  # the owner reads this from the pipe
                sys.stderr.write(f"{error}\n")
        return not left and not any(map(os.path.exists, self.directories))

    def running(self) -> list[int]:
        """List own children that have not ended."""
        return [p for p, child in self.children.items() if child.returncode is None]

    def adopted(self) -> list[int]:
        """List children that others made: backends whose postmaster is dead (Linux)."""
        return [pid for pid in children_of(os.getpid()) if pid not in self.children]

    def wait(self, remaining: Callable[[], list[int]], seconds: float) -> bool:
        """Wait until no process is ``remaining``; True if some are after all."""
        deadline = time.monotonic() + seconds
        while self.reap() and remaining() and time.monotonic() < deadline:
            time.sleep(0.002)
        return bool(remaining())

    def kill(self, pids: list[int]) -> None:
        """Send SIGKILL; a process that has just ended is no error."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def die_with(keeper: int) -> Callable[[], None]:
    """Return what a child does before exec so that it does not outlive the keeper."""

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != keeper:  # it died before the line above
            os._exit(1)

    return prepare


def children_of(parent: int) -> list[int]:
    """List the processes whose parent that is; none where the system has no /proc."""
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc") if LINUX else []):  # noqa: PTH208
        # A process may end at any time, and its files with it.
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
            if int(stat.read().rpartition(b")")[2].split()[1]) == parent:
                found.append(int(name))
    return found


def release_shared_memory(directory: str) -> None:
    """Remove the System V segments of servers that had no chance to do so.

    Each server holds one of 56 bytes; after SIGKILL it stays until a reboot.
    """
    for entry in os.scandir(directory):
        path = f"{entry.path}/postmaster.pid"
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with open(path, "rb") as file:  # noqa: PTH123
                words = b"".join(file.readlines()[SHARED_MEMORY_LINE:][:1]).split()
            if len(words) == 2:  # noqa: PLR2004 - key and id; absent in early starts
                libc.shmctl(int(words[1]), IPC_RMID, None)


def remove(directory: str) -> None:
    """Delete a directory and everything below it."""
    for path, directories, files in os.walk(directory, topdown=False):
        for name in files:
            os.unlink(f"{path}/{name}")  # noqa: PTH108
        for name in directories:
            if os.path.islink(f"{path}/{name}"):  # noqa: PTH114
                os.unlink(f"{path}/{name}")  # noqa: PTH108
            else:
                os.rmdir(f"{path}/{name}")  # noqa: PTH106
    os.rmdir(directory)  # noqa: PTH106


def serve(keeper: Keeper, owner: int) -> None:
    """Obey commands until stdin ends or the owner is gone."""
    rest = b""
    while os.getppid() == owner:
        if not select.select([0], [], [], OWNER_CHECK)[0]:
            continue
        received = os.read(0, 65536)
        if not received:
            return
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(keeper.obey(line)).encode() + b"\n")


def leave(_number: int, _frame: object) -> None:
    """Go to the cleaning up at a signal."""
    sys.exit(0)


def main() -> int:
    """Serve the owner named on the command line, then clean up."""
    if LINUX:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    keeper = Keeper()
    try:
        with contextlib.suppress(BrokenPipeError, SystemExit):
            serve(keeper, int(sys.argv[1]))
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        clean = keeper.end()
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())

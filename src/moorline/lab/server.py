"""Run one node: a PostgreSQL server on one data directory."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from moorline.lab import logs
from moorline.lab.errors import LabError
from moorline.lab.template import ADMIN, DATABASE
from moorline.lab.wire import Session

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.lab.custody import Custody
    from moorline.lab.wire import Record

__all__ = ["Node", "PortTakenError", "Server", "State"]

State = Literal["running", "paused", "stopped"]

_POLL = 0.003  # seconds between looks at a server that starts
_START = 30.0  # seconds until a start is given up
_STOP = 5.0  # seconds until a fast shutdown is given up
_ORPHANS = 1.0  # seconds for backends to notice that their postmaster is dead
_STATUS_LINE = 7  # of postmaster.pid, from 0
# What a start says when backends of the killed predecessor are not gone yet.
_NOT_YET = "pre-existing shared memory block"
_OCCUPIED = ("could not create any TCP/IP sockets", "could not bind")


class PortTakenError(LabError):
    """Another program listens on the node's port."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is; whether it runs is asked of the lab."""

    index: int
    name: str  # "node1.lab", also in its certificate
    host: str
    port: int
    placement: str  # "cloud.region.zone"
    node_type: str
    uuid: str
    socket_dir: str = ""  # of its Unix socket, for clients as host=

    def __str__(self) -> str:
        """Say it shortly: ``node1.lab 127.0.0.1:5433 aws.us-east-1.us-east-1a``."""
        return f"{self.name} {self.host}:{self.port} {self.placement}"


class Server:
    """A node's process, started and ended at will, and the lab's view into it."""

    def __init__(
        self,
        node: Node,
        custody: Custody,
        directory: Path,
        argv: list[str | Path],
    ) -> None:
        """Describe the server; `launch` starts it."""
        self.node = node
        self.log = directory.with_suffix(".log")
        self._custody = custody
        self._directory = directory
        self._argv = argv
        self._pid: int | None = None
        self._paused = False
        self._session: tuple[int, Session] | None = None
        self._session_lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None while it does not run."""
        pid = self._pid
        if pid is not None and self._custody.poll(pid) is not None:
            pid, self._pid, self._paused = None, None, False
        return pid

    @property
    def state(self) -> State:
        """What the postmaster does now."""
        if self.pid is None:
            return "stopped"
        return "paused" if self._paused else "running"

    def launch(self) -> None:
        """Start the process; `await_ready` tells when it serves."""
        self.disconnect()
        self._pid = self._custody.spawn(self._argv, log=self.log)
        self._paused = False

    def await_ready(self) -> None:
        """Wait until clients are let in.

        Raises LabError with the end of the log if the server gives up instead,
        PortTakenError if that was the reason.
        """
        deadline = time.monotonic() + _START
        while not self._ready():
            if self.pid is None or time.monotonic() > deadline:
                said = logs.tail(self.log)
                if _NOT_YET in said and time.monotonic() < deadline:
                    self.launch()
                else:
                    kind = PortTakenError if _occupied(said) else LabError
                    raise kind(
                        f"{self.node} did not start. The end of its log:\n{said}"
                    )
            time.sleep(_POLL)
        self.query("")  # the lab's own session is there from the first moment

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._pid is not None:
            self._custody.signal(self._pid, signal.SIGCONT)
        self._paused = False

    def pause(self) -> None:
        """Freeze the postmaster: it accepts TCP connections and never answers them.

        Sessions that exist already are other processes and go on.
        """
        if self._pid is None or not self._custody.signal(self._pid, signal.SIGSTOP):
            raise LabError(f"{self.node} is not running, so it cannot be paused")
        self._paused = True

    def stop(self, number: signal.Signals) -> None:
        """Send a signal that ends the server; wait for its end and its sessions'."""
        pid = self.pid
        if pid is None:
            return
        # A paused server takes no other signal; one that was resumed may hold
        # half-accepted clients, for which a fast shutdown waits up to 20 s.
        self._custody.signal(pid, signal.SIGKILL if self._paused else number)
        if self._custody.wait(pid, _STOP) is None:
            self._custody.signal(pid, signal.SIGKILL)
            self._custody.wait(pid, _STOP)
        self._pid, self._paused = None, False
        self.disconnect()
        self._custody.await_orphans(_ORPHANS)

    def query(self, sql: str) -> list[Record]:
        """Run SQL on the lab's own session, which is opened anew when it was lost.

        Raises OSError if the node cannot be reached.
        """
        try:
            return self._own_session().query(sql)
        except OSError:
            self.disconnect()
            return self._own_session().query(sql)

    def disconnect(self) -> None:
        """Close the lab's own session."""
        with self._session_lock:
            if self._session is not None:
                self._session[1].close()
            self._session = None

    def _own_session(self) -> Session:
        with self._session_lock:
            # A forked child must not write into its parent's conversation.
            if self._session is None or self._session[0] != os.getpid():
                path = self._directory / f".s.PGSQL.{self.node.port}"
                opened = Session(path, user=ADMIN, database=DATABASE)
                self._session = (os.getpid(), opened)
            return self._session[1]

    def _ready(self) -> bool:
        try:
            text = (self._directory / "postmaster.pid").read_text(errors="replace")
        except FileNotFoundError:
            return False
        lines = text.splitlines()
        # The file of a killed predecessor survives; then the first line is another pid.
        return (
            len(lines) > _STATUS_LINE
            and lines[0] == str(self._pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )


def _occupied(text: str) -> bool:
    return any(sign in text for sign in _OCCUPIED)

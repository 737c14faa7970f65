"""The lab itself: an embedded stand-in for a YugabyteDB cluster."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Self, Unpack
from urllib.parse import quote

from moorline.lab import logs, setup, tls, topology
from moorline.lab.custody import Custody
from moorline.lab.errors import LabError
from moorline.lab.options import Options
from moorline.lab.template import ADMIN, DATABASE, USER

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from moorline.lab.binaries import Binaries
    from moorline.lab.options import OptionsDict
    from moorline.lab.server import Node, Server, State
    from moorline.lab.setup import Cluster
    from moorline.lab.topology import Row
    from moorline.lab.wire import Record

__all__ = ["YugabyteLab"]

_POLL = 0.01  # seconds between two counts that are waited for
_CLIENTS = (
    "from pg_stat_activity where backend_type = 'client backend'"
    f" and usename is distinct from '{ADMIN}'"
)


class YugabyteLab:
    """Three PostgreSQL servers that answer ``yb_servers()`` like a YugabyteDB cluster.

    ::

        with YugabyteLab() as lab:
            conn = psycopg.connect(lab.dsn())
            lab.kill(1)

    What is real: PostgreSQL, its sockets, sessions, authentication and failures. What
    is imitated: the topology, which is what `set_topology` says. What is missing:
    each node has a database of its own, rows do not travel.

    The options are those of `Options`. Ready in about half a second. Nothing stays
    behind: processes and files belong to a small keeper process, which ends them on
    `close` and when this process ends in whatever way, SIGKILL included.

    All methods are thread-safe. Nodes are numbered from 0. The lab belongs to the
    process that opened it: children made with ``os.fork`` may use its `dsn` and
    `counts`, cannot start or stop nodes, and lose the lab when the opener ends.
    """

    def __init__(self, **options: Unpack[OptionsDict]) -> None:
        """Check the options; nothing is started before `open`.

        Raises LabError for options that contradict each other.
        """
        self.options = Options(**options)
        self._lock = threading.RLock()
        self._custody: Custody | None = None
        self._cluster: Cluster | None = None

    def open(self) -> Self:
        """Start the cluster; return when all nodes serve.

        Raises LabError if there is no PostgreSQL to run, if the port asked for is
        taken, or with the end of the server's log if a server does not start.
        """
        with self._lock:
            if self._custody is not None:
                raise LabError("the lab is open already")
            try:
                self._custody = Custody()
                self._cluster = setup.build(self.options, self._custody)
            except BaseException:
                self.close()
                raise
        return self

    def close(self) -> None:
        """End all processes and remove all files. Again is no error."""
        with self._lock:
            cluster, self._cluster = self._cluster, None
            custody, self._custody = self._custody, None
            for server in cluster.servers if cluster else ():
                server.disconnect()
            if custody is not None:
                custody.close()

    def __enter__(self) -> Self:
        """Open the lab."""
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the lab."""
        self.close()

    # What there is

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What the nodes are: host, port, placement, uuid, directory of the socket."""
        return tuple(server.node for server in self._open.servers)

    @property
    def binaries(self) -> Binaries:
        """The PostgreSQL that runs; str() of it is a line for people."""
        return self._open.binaries

    @property
    def pg_version(self) -> str:
        """The version of the PostgreSQL that runs, such as "15.18"."""
        return self._open.binaries.version

    @property
    def universe_uuid(self) -> str:
        """What the tenth column of yb_servers() says."""
        return self._open.universe_uuid

    @property
    def directory(self) -> str:
        """The directory of all files of the lab, the nodes' logs among them."""
        return str(self._open.directory)

    @property
    def keeper_pid(self) -> int:
        """The process that ends everything when this one has ended."""
        if self._custody is None:
            raise _closed()
        return self._custody.pid

    @property
    def ca_file(self) -> str:
        """The PEM file of the authority that signed the nodes' certificates.

        They are valid for the node's name (node1.lab) and its address, or for what
        the option ``certificates`` says.
        """
        return self._public(tls.CA_FILE)

    @property
    def other_ca_file(self) -> str:
        """The PEM file of an authority that signed none of the certificates."""
        return self._public(tls.OTHER_CA_FILE)

    def state(self, node: int) -> State:
        """Tell whether a node's postmaster is "running", "paused" or "stopped"."""
        with self._lock:
            return self._server(node).state

    def pid(self, node: int) -> int | None:
        """Return the pid of a node's postmaster, None if it does not run."""
        with self._lock:
            return self._server(node).pid

    def log(self, node: int, lines: int = 50) -> str:
        """Return the last lines of a node's log."""
        return logs.tail(self._server(node).log, lines)

    # How to reach it

    def dsn(
        self,
        node: int = 0,
        *,
        hosts: Sequence[int] | None = None,
        user: str = USER,
        password: str | None = None,
        dbname: str = DATABASE,
        **params: str | int | os.PathLike[str],
    ) -> str:
        """Return a connection URI: of one node, or of several with ``hosts=[0, 2]``.

        ``password`` is the lab's own unless given; "" leaves it out. Further
        arguments become URI parameters, True and False in lower case.
        """
        chosen = [self._server(index).node for index in hosts or [node]]
        places = ",".join(f"{_bracketed(one.host)}:{one.port}" for one in chosen)
        word = (self.options.password or "") if password is None else password
        login = quote(user, safe="") + (f":{quote(word, safe='')}" if word else "")
        query = "&".join(f"{name}={_said(value)}" for name, value in params.items())
        uri = f"postgresql://{login}@{places}/{quote(dbname, safe='')}"
        return f"{uri}?{query}" if query else uri

    # What the servers say

    def counts(self) -> tuple[int, ...]:
        """Count the client sessions of each node, as the servers know them.

        The lab's own are not counted. A node that is down has 0; a paused one is
        counted as well.
        """
        return tuple(self._count(server) for server in self._open.servers)

    def wait_counts(self, expected: Sequence[int], timeout: float = 5.0) -> None:
        """Wait until `counts` are as expected; a closed session needs a moment to end.

        Raises AssertionError with the last counts after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while (counted := self.counts()) != tuple(expected):
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"sessions per node: {counted}, not {tuple(expected)}"
                )
            time.sleep(_POLL)

    def accepted(self, node: int) -> int:
        """Count the sessions that a node ever let in, closed ones included.

        Since the lab was opened, restarts notwithstanding; without the lab's own.
        """
        return logs.accepted(self._server(node).log, besides=ADMIN)

    def statements(self, node: int, containing: str = "") -> tuple[str, ...]:
        """Return the statements that clients ever sent to a node, oldest first.

        ``len(lab.statements(0, "yb_servers"))`` is the number of discoveries there.
        """
        sent = logs.statements(self._server(node).log, besides=ADMIN)
        return tuple(text for text in sent if containing in text)

    def sql(self, node: int, query: str) -> list[Record]:
        """Run SQL as superuser on the lab's own session; values come as text.

        Raises LabError with the server's answer, OSError if the node is down.
        """
        return self._server(node).query(query)

    # What can happen to it

    def start(self, node: int) -> None:
        """Start a stopped node again, or let a paused one go on."""
        with self._lock:
            server = self._server(node)
            if server.state == "paused":
                server.resume()
            elif server.state == "stopped":
                server.launch()
                server.await_ready()

    def stop(self, node: int) -> None:
        """Shut a node down in order: sessions end with SQLSTATE 57P01."""
        with self._lock:
            self._server(node).stop(signal.SIGINT)

    def kill(self, node: int) -> None:
        """Kill a node's postmaster; return when its sessions have ended too.

        They end as they notice, in milliseconds; one that is busy is waited for a
        second at most (on macOS none is).
        """
        with self._lock:
            self._server(node).stop(signal.SIGKILL)

    def pause(self, node: int) -> None:
        """Freeze a node's postmaster: TCP connects, then silence. Sessions go on."""
        with self._lock:
            self._server(node).pause()

    def terminate(self, node: int) -> int:
        """End all client sessions of a node; return how many when they are gone."""
        ended = self.sql(node, f"select pg_terminate_backend(pid, 5000) {_CLIENTS}")
        return len(ended)

    def topology(self) -> list[Row]:
        """Return the rows that yb_servers() answers now, for changing."""
        return [dict(row) for row in self._open.rows]

    def row(self, node: int, **changes: object) -> Row:
        """Return the row of a node as it was at first, with changes."""
        return setup.row(self._open, self._server(node).node) | changes

    def set_topology(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Replace what yb_servers() of every node answers, from the next call on.

        ::

            lab.set_topology([lab.row(0), lab.row(2, zone=None)])  # node 1 is gone

        Values may be None (NULL) or nonsense; one that does not fit the column's
        type ("port": "x") makes the function fail. Columns left out are NULL.
        """
        with self._lock:
            cluster = self._open
            cluster.rows = topology.write(cluster.directory, rows)

    @property
    def _open(self) -> Cluster:
        if self._cluster is None:
            raise _closed()
        return self._cluster

    def _public(self, file: str) -> str:
        directory = self._open.directory
        if not self.options.tls:
            raise LabError("this lab has no certificates; make it with tls=True")
        return str(directory / file)

    def _server(self, node: int) -> Server:
        servers = self._open.servers
        if not 0 <= node < len(servers):
            raise LabError(
                f"there is no node {node}; nodes are 0 to {len(servers) - 1}"
            )
        return servers[node]

    def _count(self, server: Server) -> int:
        try:
            ((count,),) = server.query(f"select count(*) {_CLIENTS}")
        except (ConnectionError, FileNotFoundError):  # nobody listens on its socket
            return 0
        return int(count or 0)


def _closed() -> LabError:
    return LabError("the lab is not open: use it as a context manager, or call open()")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _said(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text, safe="*:,/.")

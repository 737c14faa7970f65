"""The lab for QuestDB: a real server, and a front before it that speaks TLS."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Self, Unpack

from moorline.lab import questdb_certificates as certificates
from moorline.lab import questdb_keys, tls
from moorline.lab.custody import Custody
from moorline.lab.errors import LabError
from moorline.lab.loop import LoopThread
from moorline.lab.questdb_front import QuestdbFront
from moorline.lab.questdb_options import QuestdbOptions
from moorline.lab.questdb_server import HOST, QuestdbServer
from moorline.lab.questdb_tcp import await_read

if TYPE_CHECKING:
    from moorline.lab.questdb_certificates import Certificate
    from moorline.lab.questdb_faults import QuestdbFaults
    from moorline.lab.questdb_keys import TcpKey
    from moorline.lab.questdb_options import QuestdbOptionsDict
    from moorline.lab.questdb_records import Request, Stream
    from moorline.lab.questdb_sql import Row

__all__ = ["QuestdbLab"]

_LEFT = 5.0  # seconds for the server to read what clients have left it
_POLL = 0.01  # seconds between looks at a table
# What was written, and is not applied to its table yet.
_PENDING = "select name from wal_tables() where writerTxn < sequencerTxn"


class QuestdbLab:
    """A QuestDB server, with a front before it that adds TLS and faults.

    ::

        with QuestdbLab() as lab:
            conf = f"https::addr=localhost:{lab.https_port};tls_roots={lab.ca_file};"
            with Sender.from_conf(conf) as sender:
                sender.table("trades").symbol("s", "ETH").column("p", 1.5).at_now()
            lab.wait_rows("trades", 1)
            lab.faults.answer(503, retry_after=1)

    `http_port`, `ilp_port` and `pg_port` are the server's own; it has no TLS, which
    is the enterprise edition's. `https_port` and `tcps_port` are the front's, and
    `front` has a port in clear for each too, where the same faults happen.

    The options are those of `QuestdbOptions`. It needs Java 17, the server's jar and
    trustme; see `questdb_java.find` and `questdb_jar.find` for where they are looked
    for. Ready in about two seconds. Nothing stays behind, as with `YugabyteLab`. All
    methods are thread-safe. The lab belongs to the process that opened it; children
    of ``os.fork`` may connect to it, and no more.
    """

    def __init__(self, **options: Unpack[QuestdbOptionsDict]) -> None:
        """Check the options; nothing is started before `open`.

        Raises LabError for options that cannot be.
        """
        self.options = QuestdbOptions(**options)
        self._key: TcpKey | None = None
        self._lock = threading.RLock()
        self._undo: contextlib.ExitStack | None = None
        self._fronts: list[QuestdbFront] = []

    def open(self) -> Self:
        """Start the server and the front.

        Raises LabError if it cannot be: no Java, no jar, no trustme, or what the
        server's log says.
        """
        with self._lock:
            if self._undo is not None:
                raise LabError("the lab is open already")
            with contextlib.ExitStack() as undo:
                self._custody = Custody()
                undo.callback(self._custody.close)
                self._files = self._custody.mkdir()
                certificates.issue(self._files)
                self._key = questdb_keys.make() if self.options.tcp_auth else None
                auth = self._key.line if self._key else ""
                self._server = QuestdbServer(self.options, self._custody, auth)
                undo.callback(self._server.end, signal.SIGKILL)
                self._thread = LoopThread("QuestDB lab")
                undo.callback(self._thread.stop)
                undo.callback(self._close_fronts, 0)
                self._open_front(HOST)
                self._undo = undo.pop_all()
        return self

    def close(self) -> None:
        """End all processes and connections, remove all files. Again is no error."""
        with self._lock:
            undo, self._undo = self._undo, None
            if undo is not None and self._custody.owned:
                undo.close()

    def __enter__(self) -> Self:
        """Open the lab."""
        return self.open()

    def __exit__(self, *_: object) -> None:
        """Close the lab."""
        self.close()

    def reset(self) -> None:
        """Begin anew on the same ports: no tables, no faults, no records.

        Starts the server if it does not run, closes the fronts that were added.
        """
        with self._lock:
            self._close_fronts(1)
            self.front.reset()
            if self._here.pid is None:
                self._here.start()
            # Rows that nobody waited for would make their table again.
            await_read((self.http_port, self.ilp_port), _LEFT)
            self.sql("drop all tables")

    # How to reach it

    @property
    def host(self) -> str:
        """The address on which the server and the first front listen."""
        return HOST

    @property
    def http_port(self) -> int:
        """The server's own for HTTP, in clear."""
        return self._here.ports.http

    @property
    def ilp_port(self) -> int:
        """The server's own for ILP by TCP, in clear."""
        return self._here.ports.ilp

    @property
    def pg_port(self) -> int:
        """The server's own for PostgreSQL's protocol: user admin, password quest."""
        return self._here.ports.pg

    @property
    def https_port(self) -> int:
        """The front's for HTTP over TLS."""
        return self.front.https_port

    @property
    def tcps_port(self) -> int:
        """The front's for ILP by TCP over TLS."""
        return self.front.tcps_port

    @property
    def tcp_key(self) -> TcpKey:
        """What clients of ILP by TCP sign with, if ``tcp_auth=True``."""
        _ = self._here
        if self._key is None:
            raise LabError("clients by TCP need no key without tcp_auth=True")
        return self._key

    # Files for TLS

    @property
    def ca_file(self) -> str:
        """The PEM file of the authority that signed the certificates."""
        return self._file(tls.CA_FILE)

    @property
    def other_ca_file(self) -> str:
        """The PEM file of an authority that signed nothing."""
        return self._file(tls.OTHER_CA_FILE)

    @property
    def intermediate_file(self) -> str:
        """The PEM file of the link in ``chain``, missing in ``broken-chain``."""
        return self._file(certificates.INTERMEDIATE_FILE)

    @property
    def client_cert_file(self) -> str:
        """A certificate for a client, client.example; see `QuestdbFront.present`."""
        return self._file(f"{certificates.CLIENT}.pem")

    @property
    def client_key_file(self) -> str:
        """The key that belongs to it."""
        return self._file(f"{certificates.CLIENT}.key")

    def cert_file(self, kind: Certificate = "good") -> str:
        """Return the PEM file of what a front presents, to trust it itself."""
        return self._file(f"{kind}.pem")

    # The front

    @property
    def front(self) -> QuestdbFront:
        """The first front."""
        _ = self._here
        return self._fronts[0]

    def add_front(self, host: str = HOST) -> QuestdbFront:
        """Open another front, on ports and with faults and records of its own.

        It ends with the lab or with `reset`. ``host`` may be any address of this
        machine, such as ``::1``.
        """
        with self._lock:
            _ = self._here
            return self._open_front(host)

    @property
    def faults(self) -> QuestdbFaults:
        """What can go wrong at the first front."""
        return self.front.faults

    @property
    def requests(self) -> tuple[Request, ...]:
        """What came through the first front by HTTP, oldest first."""
        return self.front.requests

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What came through the first front for ILP by TCP, oldest first."""
        return self.front.streams

    # The server

    @property
    def version(self) -> str:
        """The server's version."""
        return self.options.version

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it does not run."""
        return self._here.pid

    @property
    def keeper_pid(self) -> int:
        """The process that cleans up when this one is gone."""
        _ = self._here
        return self._custody.pid

    def kill(self) -> None:
        """End the server at once, by SIGKILL; what it has acknowledged stays."""
        self._here.end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in order."""
        self._here.end(signal.SIGTERM)

    def restart(self) -> None:
        """Start the server with its data on the same ports; end it before if it runs.

        Raises LabError with the end of its log if it does not start.
        """
        self._here.end(signal.SIGTERM)
        self._here.start()

    def sql(self, query: str) -> list[Row]:
        """Run one statement at the server, past the front; return its rows.

        Values are those of JSON: timestamps, UUIDs and the like are text, NaN and
        infinities come as None. Raises LabError with the server's message, OSError if
        the server does not run.
        """
        return self._here.rest.query(query)

    def wait_rows(self, table: str, count: int, timeout: float = 10.0) -> None:
        """Wait until a table has so many rows, and nothing that is not applied yet.

        Raises AssertionError with how many there are after ``timeout`` seconds, and
        at once if there are more: rows do not go away by themselves.
        """
        deadline = time.monotonic() + timeout
        while not self._settled(table) or (found := self._count(table)) < count:
            if time.monotonic() > deadline:
                found = self._count(table)
                raise AssertionError(f"{table} has {found} rows, not {count}")
            time.sleep(_POLL)
        if found > count:
            raise AssertionError(f"{table} has {found} rows, more than {count}")

    def _settled(self, table: str) -> bool:
        return (table,) not in self.sql(_PENDING)

    def _count(self, table: str) -> int:
        name = table.replace("'", "''")
        if not self.sql(f"select 1 from tables() where table_name = '{name}'"):  # noqa: S608 - quoted
            return 0
        ((count,),) = self.sql(f'select count() from "{table}"')  # noqa: S608 - a test's own table
        return int(str(count))

    @property
    def _here(self) -> QuestdbServer:
        if self._undo is None:
            raise LabError(
                "the lab is not open: use it as a context manager, or call open()"
            )
        return self._server

    def _file(self, name: str) -> str:
        _ = self._here
        return str(self._files / name)

    def _open_front(self, host: str) -> QuestdbFront:
        made = QuestdbFront(self._thread, self._server, self._files, host)
        self._fronts.append(made)
        return made

    def _close_fronts(self, left: int) -> None:
        while len(self._fronts) > left:
            self._fronts.pop().close()

"""Run one QuestDB server: its files, its process, and when it is ready."""

from __future__ import annotations

import shutil
import signal
import string
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorline.lab import addresses, questdb_jar, questdb_java
from moorline.lab.errors import LabError
from moorline.lab.logs import tail
from moorline.lab.questdb_sql import Rest

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.lab.custody import Custody
    from moorline.lab.questdb_options import QuestdbOptions, Setting

__all__ = ["HOST", "Ports", "QuestdbServer", "conf"]

HOST = "127.0.0.1"

_START = 40.0  # seconds; 1.5 are usual
_STOP = 10.0  # seconds until an orderly end is given up; 0.05 are usual
_POLL = 0.01  # seconds between looks at a server that starts
_PORT_TRIES = 5
_OCCUPIED = "could not bind socket"

# Quick and small rather than durable: the data end with the lab. The pages are what a
# table takes of memory for each column as long as it is open.
_SETTINGS: dict[str, Setting] = {
    "http.min.enabled": False,
    "telemetry.enabled": False,
    "telemetry.disable.completely": True,
    # With one worker a slow query leaves all others unanswered.
    "shared.worker.count": 2,
    "cairo.writer.data.append.page.size": "256k",
    "cairo.writer.data.index.value.append.page.size": "256k",
    "cairo.wal.writer.data.append.page.size": "128k",
    "cairo.system.writer.data.append.page.size": "64k",
    "cairo.o3.column.memory.size": "256k",
    # Rows are committed 50 ms after they came by TCP instead of 500: 0.05 of 1 s.
    "line.tcp.commit.interval.fraction": 0.05,
}
_LOGGING = """\
writers=stdout
w.stdout.class=io.questdb.log.LogConsoleWriter
w.stdout.level=ERROR,CRITICAL,ADVISORY
"""
_JAVA = (
    "-Xms32m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # or a file in the temporary directory outlives a kill
    "-Dfile.encoding=UTF-8",
)
_MAIN = "io.questdb/io.questdb.ServerMain"
_PLAIN = frozenset(string.ascii_letters + string.digits + "./:_-")
_NATIVE_ACCESS = 22  # the first Java that warns without leave to load libraries


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a server listens, all on `HOST`."""

    http: int
    ilp: int
    pg: int


class QuestdbServer:
    """A process, started and ended at will on one directory and the same ports.

    Raises LabError if there is no Java or no jar, or if it does not start.

    Args:
        options: What it is to be like.
        custody: Who owns the process and the files.
        auth: The lines of the file with the public keys for TCP; none for none.
    """

    def __init__(
        self, options: QuestdbOptions, custody: Custody, auth: str = ""
    ) -> None:
        java = questdb_java.find(options.java)
        jar = questdb_jar.find(options.version, options.jar)
        self._options = options
        self._custody = custody
        self._auth = auth
        self._pid: int | None = None
        self.directory = custody.mkdir()
        self.log = self.directory / "server.log"
        # It unpacks a library there, which must be loaded as a program is.
        programs = custody.mkdir(programs=True)
        account = custody.account
        own = questdb_java.private_copy(java, lambda: programs, account.can_use)
        self._argv: list[str | Path] = [own, *_JAVA, f"-Djava.io.tmpdir={programs}"]
        if java.major >= _NATIVE_ACCESS:
            self._argv.append("--enable-native-access=io.questdb")
        self._argv += options.java_options
        self._argv += ["-p", self._usable(jar), "-m", _MAIN]
        self._argv += ["-d", self.directory / "root"]
        self._make_root()
        self._start_somewhere()

    @property
    def pid(self) -> int | None:
        """The process id, None while it does not run."""
        if self._pid is not None and self._custody.poll(self._pid) is not None:
            self._pid = None
        return self._pid

    def start(self) -> None:
        """Start it on the ports that it had, and wait until it serves.

        Raises LabError with the end of its log if it does not.
        """
        self.log.unlink(missing_ok=True)  # so that the end is that of this start
        self._pid = self._custody.spawn(self._argv, log=self.log)
        deadline = time.monotonic() + _START
        while not self.rest.alive():
            if self.pid is None or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                raise LabError(
                    f"QuestDB {self._options.version} did not start. The end of its"
                    f" log:\n{tail(self.log)}"
                )
            time.sleep(_POLL)

    def end(self, number: signal.Signals) -> None:
        """Send a signal that ends it, and wait for the end."""
        pid = self.pid
        if pid is None:
            return
        self._custody.signal(pid, number)
        if self._custody.wait(pid, _STOP) is None:
            self._custody.signal(pid, signal.SIGKILL)
            self._custody.wait(pid, _STOP)
        self._pid = None

    def _usable(self, jar: Path) -> Path:
        """Return the jar, or a copy if the account cannot read it: 30 MB, 0.02 s."""
        if self._custody.account.can_use(jar.parent) and jar.stat().st_mode & 0o004:
            return jar
        copy = self.directory / "questdb.jar"
        shutil.copyfile(jar, copy)
        copy.chmod(0o644)
        return copy

    def _make_root(self) -> None:
        conf = self.directory / "root" / "conf"
        conf.mkdir(parents=True)
        (conf / "log.conf").write_text(_LOGGING, encoding="utf-8")
        (conf / "auth.txt").write_text(self._auth, encoding="utf-8")
        for path in (conf.parent, conf, *conf.iterdir()):
            self._custody.account.give(path)

    def _start_somewhere(self) -> None:
        """Start it on free ports; on others if somebody was faster."""
        for attempt in range(1, _PORT_TRIES + 1):
            base = addresses.free_base((HOST, HOST, HOST))
            self.ports = Ports(base, base + 1, base + 2)
            self._write_conf()
            user, password = self._options.user, self._options.password
            self.rest = Rest((HOST, self.ports.http), user, password)
            try:
                self.start()
            except LabError as error:
                if _OCCUPIED not in str(error) or attempt == _PORT_TRIES:
                    raise
            else:
                return

    def _write_conf(self) -> None:
        file = self.directory / "root" / "conf" / "server.conf"
        file.touch(0o600)
        self._custody.account.give(file)
        text = conf(self._options, self.ports, auth=bool(self._auth))
        file.write_text(text, encoding="ascii")


def conf(options: QuestdbOptions, ports: Ports, *, auth: bool) -> str:
    """Return the text of server.conf."""
    lines: dict[str, Setting] = {
        **_SETTINGS,
        "http.net.bind.to": f"{HOST}:{ports.http}",
        "line.tcp.net.bind.to": f"{HOST}:{ports.ilp}",
        "pg.net.bind.to": f"{HOST}:{ports.pg}",
    }
    if options.user is not None and options.password is not None:
        lines |= {"http.user": options.user, "http.password": options.password}
    if auth:
        lines["line.tcp.auth.db.path"] = "conf/auth.txt"
    lines |= options.settings
    return "".join(f"{name}={_said(value)}\n" for name, value in lines.items())


def _said(value: Setting) -> str:
    """Write a value so that Java's reader of properties gives it back."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    units = text.encode("utf-16-be")
    pairs = [units[at : at + 2] for at in range(0, len(units), 2)]
    return "".join(
        chr(pair[1]) if pair[0] == 0 and chr(pair[1]) in _PLAIN else f"\\u{pair.hex()}"
        for pair in pairs
    )

"""Everything that the tables of troubles on the page of QuestDB know, brought about."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from moorline.questdb import Sender
from tests.questdb.tls.peers import TlsPeer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from moorline.lab import QuestdbLab
    from moorline.lab.questdb_faults import QuestdbFaults

PATIENCE = 1000  # milliseconds for a server that does not answer


class Scene:
    """A real server, a folder, and the environment of the process.

    Args:
        lab: The server; its user is admin, with the password quest.
        folder: Where files may be put.
        monkeypatch: For the environment.
    """

    def __init__(
        self, lab: QuestdbLab, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.lab = lab
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.row: dict[str, Any] = {
            "table": "trades",
            "columns": {"price": 1.5},
            "at": None,
        }

    def https(self, more: str = "", port: int = 0) -> None:
        """Send a row over HTTPS; trust the lab's authority unless told otherwise."""
        trust = "" if "tls_" in more else f"tls_roots={self.lab.ca_file};"
        self.send(f"https::addr=localhost:{port or self.lab.https_port};{trust}{more}")

    def http(self, more: str = "", port: int = 0) -> None:
        """Send a row in clear."""
        port = port or self.lab.front.http_port
        self.send(f"http::addr=localhost:{port};{more}")

    def tcps(self, more: str = "", port: int = 0) -> None:
        """Send a row by TCP over TLS."""
        port = port or self.lab.tcps_port
        conf = f"tcps::addr=localhost:{port};tls_roots={self.lab.ca_file};{more}"
        self._send(Sender.from_conf(conf, auth_timeout=PATIENCE))

    def send(self, conf: str) -> None:
        """Send a row by HTTP, with the lab's login unless there is one."""
        login = "" if "username=" in conf else "username=admin;password=quest;"
        limits = {"retry_timeout": 0, "request_timeout": PATIENCE}
        self._send(Sender.from_conf(conf + login, **limits))

    def _send(self, sender: Sender) -> None:
        try:
            with sender:
                sender.row(**self.row)
        finally:
            sender.buffer.clear()  # it has served its purpose

    def file(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def run(self, command: str) -> None:
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "STORE_PASSWORD": "changeit"}
        subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=self.folder,
            env=env,
            check=True,
            capture_output=True,
        )


def named_by_common_name_only(scene: Scene) -> None:
    """Present a certificate without subjectAltName that an authority has signed."""
    crt = scene.lab.cert_file("openssl")
    key = crt.removesuffix(".pem") + ".key"
    scene.run(
        "openssl req -new -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt "
        "-subj /CN=authority -days 2\n"
        f"openssl req -new -newkey rsa:2048 -nodes -keyout {key} -out leaf.csr "
        "-subj /CN=localhost\n"
        "openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
        f"-days 2 -out {crt}"
    )
    # The file is one of the lab's: another test may want it as it was.
    scene.lab.front.present("openssl")
    scene.https(f"tls_roots={scene.folder / 'ca.crt'};")


def presented(kind: str, more: str = "") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.lab.front.present(kind)
        scene.https(more)

    return act


def trusted(name: str, content: str = "") -> Callable[[Scene], None]:
    return lambda scene: scene.https(f"tls_roots={scene.file(name, content)};")


def converted(command: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.run(command.format(ca=scene.lab.ca_file))
        scene.https(f"tls_roots={scene.folder / 'store'};")

    return act


def without_a_list(scene: Scene) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        scene.monkeypatch.setenv(name, str(scene.folder / "nowhere"))
    scene.https("tls_ca=os_roots;")


def a_plain_server(scene: Scene) -> None:
    """Answer without TLS at once; QuestDB itself often just hangs up."""
    peer = TlsPeer(None)
    try:
        scene.https(port=peer.port)
    finally:
        peer.close()


def a_server_that_hangs_up(scene: Scene) -> None:
    """Close a connection when something came that is not understood."""

    def hang_up(listener: socket.socket) -> None:
        with suppress(OSError):  # until it is closed
            while True:
                with listener.accept()[0] as client:
                    client.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener,))
        thread.start()
        try:
            scene.https(port=listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def of(**columns: object) -> Callable[[Scene], None]:
    """Send a row to a table that has had another."""

    def act(scene: Scene) -> None:
        scene.https()
        scene.row["columns"] = columns
        scene.https()

    return act


def of_size(limits: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.row["columns"] = {"text": "x" * 2000}
        scene.https(limits)

    return act


def after(fault: Callable[[QuestdbFaults], None]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        fault(scene.lab.faults)
        scene.https("protocol_version=2;")

    return act


def by_key(change: str = "", **columns: object) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        key = scene.lab.tcp_key
        keys = f"username={key.username}{change};token={key.token};"
        scene.tcps(keys)
        lab_has(scene.lab, 1)
        scene.row["columns"] = columns
        scene.tcps(keys)

    return act


def lab_has(lab: QuestdbLab, count: int) -> None:
    lab.wait_rows("trades", count)


# By words of the row of the table.
TROUBLES: dict[str, Callable[[Scene], None]] = {
    "chain of certificates ends at": presented("good", "tls_ca=webpki_and_os_roots;"),
    "signed by itself": presented("self-signed"),
    "is not for …": presented("wrong-name"),
    "common name only": named_by_common_name_only,
    "expired on": presented("expired"),
    "not valid yet": presented("not-yet-valid"),
    "no such file": lambda scene: scene.https("tls_roots=nowhere.crt;"),
    "file is empty": trusted("empty.crt"),
    "private key": lambda scene: scene.https(f"tls_roots={scene.lab.client_key_file};"),
    "damaged": trusted("text.crt", "hello"),
    "PKCS#12": converted(
        "openssl pkcs12 -export -nokeys -in {ca} -out store -passout env:STORE_PASSWORD"
    ),
    "Java keystore": converted(
        "keytool -importcert -noprompt -alias ca -file {ca} -keystore store "
        "-storetype JKS -storepass:env STORE_PASSWORD"
    ),
    "has expired": lambda scene: scene.https(
        f"tls_roots={scene.lab.cert_file('expired')};"
    ),
    "needs tls_roots": lambda scene: scene.https("tls_ca=pem_file;"),
    "is for tls_ca=pem_file": lambda scene: scene.https("tls_ca=os_roots;tls_roots=x;"),
    "no TLS with http": lambda scene: scene.http("tls_ca=os_roots;"),
    "nobody is trusted": without_a_list,
    "without verification": lambda scene: scene.https("tls_verify=unsafe_off;"),
    "speaks plain HTTP": a_plain_server,
    "before there was TLS": a_server_that_hangs_up,
    "in TLS in time": lambda scene: scene.https(port=scene.lab.front.http_port),
    "Connection refused": after(lambda faults: faults.refuse()),
    "rows were not acknowledged": after(lambda faults: faults.answer(503)),
    "timed out": after(lambda faults: faults.delay(2 * PATIENCE / 1000)),
    "stored them unheard": after(lambda faults: faults.cut("after answer")),
    "without an answer": lambda scene: scene.http(port=scene.lab.https_port),
    "cast error": of(price="text"),
    "decimal columns": of(amount=Decimal("1.5")),
    "Unauthorized": lambda scene: scene.https("username=admin;password=wrong;"),
    "(HTTP 413)": after(lambda faults: faults.answer(413)),
    "max_buf_size": of_size("max_buf_size=1100;init_buf_size=1024;"),
    "must not contain": of(**{"a.b": 1}),
    "challenge": lambda scene: scene.tcps(),
    "not take the key": by_key("x"),
    "while it was sent": by_key(price="text"),
    "auth_timeout": lambda scene: scene.tcps(port=9),
    "did you mean": lambda scene: scene.https("tls_rots=ca.pem;"),
    "semicolon": lambda scene: scene.https("username=admin;password=a;b=c;"),
    "something to verify by": lambda scene: scene.https(
        "tls_verify=unsafe_off;tls_roots=x;"
    ),
}

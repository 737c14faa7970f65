"""Stand before a QuestDB server: end TLS, write down what comes, fail on demand."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, cast

from moorline.lab.dsql_channel import Tls
from moorline.lab.errors import LabError
from moorline.lab.questdb_armed import Armed, Silence
from moorline.lab.questdb_certificates import CERTIFICATES
from moorline.lab.questdb_doors import Doors
from moorline.lab.questdb_faults import QuestdbFaults
from moorline.lab.questdb_records import Records
from moorline.lab.questdb_relay import CutError, HttpRelay, StreamRelay
from moorline.lab.questdb_server import HOST
from moorline.lab.tls import CA_FILE, certificate, key

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.lab.dsql_channel import Channel
    from moorline.lab.loop import LoopThread
    from moorline.lab.questdb_certificates import Certificate
    from moorline.lab.questdb_doors import Serve
    from moorline.lab.questdb_records import Request, Stream
    from moorline.lab.questdb_server import QuestdbServer

__all__ = ["QuestdbFront"]


class QuestdbFront:
    """Four ports, each of which leads to the server.

    Made by `QuestdbLab`, the first one as `QuestdbLab.front`. All methods are
    thread-safe.

    Attributes:
        host: The address on which it listens.
        faults: What can go wrong.
    """

    def __init__(
        self, thread: LoopThread, server: QuestdbServer, files: Path, host: str
    ) -> None:
        self.host = host
        self._server = server
        self._files = files
        self._armed = Armed()
        self._records = Records()
        self.present()
        serving = {
            "http": self._serving(HttpRelay, tls=False),
            "https": self._serving(HttpRelay, tls=True),
            "ilp": self._serving(StreamRelay, tls=False),
            "tcps": self._serving(StreamRelay, tls=True),
        }
        self._doors = Doors(thread, host, serving)
        self.faults = QuestdbFaults(self._armed, self._doors)

    def close(self) -> None:
        """Stop listening, and reset what is open."""
        self._doors.close()

    def reset(self) -> None:
        """Begin anew on the same ports, with the good certificate.

        Resets what is open, undoes the faults, forgets what was recorded.
        """
        self.faults.reset()
        self._doors.cut()
        self.present()
        self._records.reset()

    @property
    def http_port(self) -> int:
        """For HTTP in clear."""
        return self._doors.ports["http"]

    @property
    def https_port(self) -> int:
        """For HTTP over TLS."""
        return self._doors.ports["https"]

    @property
    def ilp_port(self) -> int:
        """For ILP by TCP in clear."""
        return self._doors.ports["ilp"]

    @property
    def tcps_port(self) -> int:
        """For ILP by TCP over TLS."""
        return self._doors.ports["tcps"]

    def present(
        self,
        kind: Certificate = "good",
        *,
        ask_client: bool = False,
        newest: ssl.TLSVersion | None = None,
    ) -> None:
        """Present a certificate from now on; what is open goes on.

        ``good``
            For localhost, 127.0.0.1 and ::1, by the authority in `QuestdbLab.ca_file`.
        ``wrong-name``, ``expired``, ``not-yet-valid``
            By the same authority, with this defect.
        ``self-signed``
            Nobody else signed it; it has the names, and is no authority itself.
        ``openssl``
            What ``openssl req -x509 -subj /CN=localhost`` makes: self-signed, an
            authority, and without a name but the common one.
        ``chain``, ``broken-chain``
            By an intermediate authority, which is presented too, or is not.

        Args:
            kind: Which.
            ask_client: Whether clients must present one by the same authority, as
                `QuestdbLab.client_cert_file` is.
            newest: The newest version of TLS to be spoken; by default all.
        """
        if kind not in CERTIFICATES:
            raise LabError(f"{kind!r}: there are {', '.join(CERTIFICATES)}")
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate(self._files, kind), key(self._files, kind))
        if newest is not None:
            made.maximum_version = newest
        if ask_client:
            made.load_verify_locations(self._files / CA_FILE)
            made.verify_mode = ssl.CERT_REQUIRED
        self._context = made

    @property
    def requests(self) -> tuple[Request, ...]:
        """What clients asked over HTTP and HTTPS, oldest first."""
        return self._records.requests

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What clients sent by TCP, over TLS or not, oldest first."""
        return self._records.streams

    @property
    def accepted(self) -> int:
        """How many connections were accepted, also such as did not get further."""
        return self._records.accepted

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._records.open

    def wait_requests(self, count: int, timeout: float = 5.0) -> None:
        """Wait until there were so many requests.

        Raises AssertionError with how many there were after ``timeout`` seconds.
        """
        if not self._records.wait(lambda: len(self.requests) >= count, timeout):
            raise AssertionError(f"{len(self.requests)} requests, not {count}")

    def wait_connections(self, count: int, timeout: float = 5.0) -> None:
        """Wait until so many connections are open.

        Raises AssertionError with how many are after ``timeout`` seconds.
        """
        if not self._records.wait(lambda: self.connections == count, timeout):
            raise AssertionError(
                f"{self.connections} connections are open, not {count}"
            )

    # What follows runs in the loop.

    def _serving(self, kind: type[HttpRelay | StreamRelay], *, tls: bool) -> Serve:
        async def serve(client: Channel) -> None:
            number = self._records.opened()
            try:
                if await self._greet(client):
                    version, name = await self._shake_hands(client) if tls else ("", "")
                    await self._pass_on(client, kind, (number, version, name))
            finally:
                self._records.closed()

        return serve

    async def _greet(self, client: Channel) -> bool:
        match self._armed.take("connection"):
            case None:
                return True
            case Silence():
                while await client.read():
                    pass
            case _:
                client.close(reset=True)
        return False

    async def _shake_hands(self, client: Channel) -> tuple[str, str]:
        tls = Tls(self._context)
        await client.start_tls(tls)
        return tls.session.version() or "", _common_name(tls.session.getpeercert())

    async def _pass_on(
        self,
        client: Channel,
        kind: type[HttpRelay | StreamRelay],
        identity: tuple[int, str, str],
    ) -> None:
        ports = self._server.ports
        port = ports.http if kind is HttpRelay else ports.ilp
        relay = kind(client, (HOST, port), self._armed, self._records, identity)
        try:
            await relay.run()
            await client.finish()
        except (CutError, OSError):
            client.close(reset=True)
        finally:
            relay.close()


def _common_name(found: object) -> str:
    subject = cast("dict[str, tuple[tuple[tuple[str, str], ...], ...]]", found or {})
    pairs = [pair for group in subject.get("subject", ()) for pair in group]
    return dict(pairs).get("commonName", "")

"""A server without TLS that asks whoever comes for a password, and keeps it.

The stand-in for a cluster says that TLS is mandatory, as the service does, before it
asks for anything. A thief would not.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Impostor"]

REQUESTS = (80877103, 80877104)  # for TLS, for GSSAPI
PASSWORD = struct.pack("!cII", b"R", 8, 3)  # "in clear, please"
LONGEST = 64 * 1024  # bytes
PATIENCE = 5.0  # seconds


class Impostor:
    """Listens on a port of 127.0.0.1 until it is left.

    Attributes:
        heard: What clients answered when they were asked for a password.
    """

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):  # when it is closed
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError, struct.error):
                    client.settimeout(PATIENCE)
                    self._receive(client)

    def _receive(self, client: socket.socket) -> None:
        length, code = struct.unpack("!II", client.recv(8, socket.MSG_WAITALL))
        while code in REQUESTS:
            client.sendall(b"N")
            length, code = struct.unpack("!II", client.recv(8, socket.MSG_WAITALL))
        client.recv(length - 8, socket.MSG_WAITALL)
        client.sendall(PASSWORD)
        self.heard.append(client.recv(LONGEST))

    def __enter__(self) -> Self:
        """Do nothing more than __init__."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends accept()
        self._listener.close()
        self._thread.join()

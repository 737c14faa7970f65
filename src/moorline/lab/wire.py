"""Speak PostgreSQL's protocol, as little of it as the lab needs to look at a node.

What counts connections in tests of drivers should not be one of these drivers, and
should not obey PGHOST, PGSERVICE and the like. So: a socket in the file system, which
no packet filter of a test cuts; no password, simple queries, values as text.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Record", "Session"]

Record = tuple[str | None, ...]

_PROTOCOL_3 = 196608
_LOGIN = 5.0  # seconds; a paused server never answers
_ANSWER = 30.0  # seconds
_NOT_NOW = "57P03"  # starting up or shutting down


class Session:
    """One connection to one server. Thread-safe; unusable after the first OSError."""

    def __init__(self, path: Path, *, user: str, database: str) -> None:
        """Connect to the server's socket and log in.

        Raises OSError if there is no connection or the server does not serve now,
        LabError if it refuses for another reason.
        """
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(_LOGIN)
            self._socket.connect(str(path))
            words = ("user", user, "database", database)
            names = (*words, "application_name", "moorline-lab")
            body = b"".join(word.encode() + b"\0" for word in names) + b"\0"
            self._socket.sendall(struct.pack("!II", len(body) + 8, _PROTOCOL_3) + body)
            self._until_ready(LabError)
            self._socket.settimeout(_ANSWER)
        except BaseException:
            self._socket.close()
            raise

    def query(self, sql: str) -> list[Record]:
        """Run SQL and return the rows of all its results.

        Raises LabError with SQLSTATE and message if the server refuses the query,
        OSError if the connection is lost.
        """
        body = sql.encode() + b"\0"
        with self._lock:
            try:
                self._socket.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)
                return self._until_ready(ConnectionAbortedError)
            except LabError:
                raise
            except BaseException:  # Ctrl-C too leaves an answer half read
                self._socket.close()
                raise

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _until_ready(self, fatal: type[Exception]) -> list[Record]:
        rows: list[Record] = []
        refusal: str | None = None
        while True:
            tag, length = struct.unpack("!cI", self._exactly(5))
            body = self._exactly(length - 4)
            if tag == b"Z":
                if refusal is not None:
                    raise LabError(refusal)
                return rows
            if tag == b"D":
                rows.append(_record(body))
            elif tag == b"E":
                refusal = _refusal(body)
                if b"SFATAL\0" in body:  # the last word on this connection
                    kind = ConnectionRefusedError if _NOT_NOW in refusal else fatal
                    raise kind(refusal)

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            part = self._socket.recv(size - len(received))
            if not part:
                raise ConnectionResetError("the server closed the connection")
            received += part
        return received


def _record(body: bytes) -> Record:
    values: list[str | None] = []
    position = 2  # after the number of columns, which the length implies
    while position < len(body):
        (size,) = struct.unpack_from("!i", body, position)
        position += 4
        if size < 0:
            values.append(None)
        else:
            values.append(body[position : position + size].decode())
            position += size
    return tuple(values)


def _refusal(body: bytes) -> str:
    fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    return f"{fields.get(b'C', '?????')}: {fields.get(b'M', 'no message')}"

"""A server that takes whatever is written and forgets it, in a process of its own.

It speaks as much HTTP as clients of QuestDB do. What came is counted in bytes: rows
cannot be told apart without reading them, since doubles may have line breaks in them.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress

from benchmarks.peers.serving import serve

SETTINGS = json.dumps(
    {
        "config": {
            "release.version": "9.3.4",
            "accepting.writes": ["http"],
            "line.proto.support.versions": [1, 2, 3],
            "cairo.max.file.name.length": 127,
        }
    }
).encode()
TOLD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
LINE, END = b"\r\n", b"\r\n\r\n"
PIECE = 1 << 20  # bytes
FEW = 4096  # bytes, where a line is awaited


class Sink:
    """Listens on a port of 127.0.0.1; each public method is a verb."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def port(self) -> int:
        """Return where it listens."""
        return int(self._listener.getsockname()[1])

    def taken(self) -> dict[str, int]:
        """Return what was taken since it was asked last: requests and their bytes."""
        with self._lock:
            told = {"requests": self._requests, "bytes": self._bytes}
            self._requests = self._bytes = 0
        return told

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(ConnectionError):
            piece = bytearray(PIECE)
            data = b""
            while True:
                while END not in data:
                    if not (more := client.recv(PIECE)):
                        return
                    data += more
                head, _, data = data.partition(END)
                if CHUNKED.search(head):
                    length, data = self._discard_chunks(client, piece, data)
                else:
                    length = int(found[1]) if (found := LENGTH.search(head)) else 0
                    data = self._discard(client, piece, data, length)
                if head.startswith(b"GET /settings"):
                    client.sendall(TOLD % (len(SETTINGS), SETTINGS))
                    continue
                with self._lock:
                    self._requests += 1
                    self._bytes += length
                client.sendall(TAKEN)

    def _discard_chunks(
        self, client: socket.socket, piece: bytearray, data: bytes
    ) -> tuple[int, bytes]:
        """Receive a body in chunks; return its length, and what came behind it."""
        length, size = 0, -1
        while size:
            while LINE not in data:
                if not (more := client.recv(FEW)):
                    raise ConnectionError("the client went away")
                data += more
            line, _, data = data.partition(LINE)
            size = int(line, 16)
            data = self._discard(client, piece, data, size + len(LINE))
            length += size
        return length, data

    @staticmethod
    def _discard(
        client: socket.socket, piece: bytearray, data: bytes, length: int
    ) -> bytes:
        """Receive a body; return what came behind it."""
        left = length - len(data)
        while left > 0:
            count = client.recv_into(piece, min(left, PIECE))
            if not count:
                raise ConnectionError("the client went away")
            left -= count
        return data[length:]


if __name__ == "__main__":
    serve(Sink())

"""The program that has a client: it writes rows into a buffer, or sends them, as told.

One script for both, ``python -m benchmarks.questdb_peers.worker NAME``, run by the
interpreter that has the client: standard library only, beside the client and the
libraries that make its frames.
"""

from __future__ import annotations

import asyncio
import http.client
import platform
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.harness import quiet_gc, timed
from benchmarks.peers.serving import serve
from benchmarks.questdb_peers import loops
from benchmarks.questdb_peers.clients import WAYS, clients

if TYPE_CHECKING:
    from benchmarks.questdb_peers.clients import Client

DONE = 204


class Worker:
    """What can be asked for: each public method is a verb."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._buffer = cache(client.buffer)

    def versions(self) -> dict[str, str]:
        """Tell what runs here."""
        return {**self._client.versions(), "Python": platform.python_version()}

    def size(self) -> int:
        """Return how many bytes the client has on disk."""
        return self._client.size()

    def write(
        self, way: str, version: int, count: int, symbols: int
    ) -> dict[str, float]:
        """Write rows into a buffer that was used before; tell how long that took."""
        make, act = WAYS[way]
        rows = make(count, symbols)
        buffer = self._buffer(version, count)
        buffer.clear()
        with quiet_gc():
            seconds = timed(partial(act, self._client, buffer, rows))
        return {"seconds": seconds, "size": len(buffer)}

    def sample(self, way: str, version: int, count: int, symbols: int) -> str:
        """Return what is written."""
        return self._written(way, version, count, symbols).hex()

    def send(self, way: str, conf: str, count: int, symbols: int) -> dict[str, float]:
        """Send rows, and close the sender: from then on all is acknowledged."""
        make, act = WAYS[way]
        rows = make(count, symbols)

        def whole() -> None:
            with self._client.sender(conf) as sender:
                act(self._client, sender, rows)

        with quiet_gc():
            return {"seconds": timed(whole)}

    def loop(self, way: str, conf: str, count: int, symbols: int) -> dict[str, float]:
        """Send rows or a frame in an event loop that should not be held up."""
        make, _ = WAYS[way]
        rows = make(count, symbols)
        with quiet_gc():
            return asyncio.run(loops.sent(self._client, way, conf, rows))

    def post(self, port: int, count: int, symbols: int) -> dict[str, float]:
        """Send the same rows as one request whose body was there before."""
        body = self._body(count, symbols)

        def whole() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("POST", "/write", body)
            answer = connection.getresponse()
            assert answer.status == DONE, (answer.status, answer.read())
            connection.close()

        with quiet_gc():
            return {"seconds": timed(whole)}

    @cache  # noqa: B019 - there is one worker in a process
    def _body(self, count: int, symbols: int) -> bytes:
        return self._written("row", 2, count, symbols)

    def _written(self, way: str, version: int, count: int, symbols: int) -> bytes:
        make, act = WAYS[way]
        buffer: Any = self._client.buffer(version, count)
        act(self._client, buffer, make(count, symbols))
        return bytes(buffer)


if __name__ == "__main__":
    serve(Worker(clients[sys.argv[1]]))

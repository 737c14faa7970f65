"""See one connection through a proxy: the client's, and the one to a server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Link"]

_KEPT = 64 * 1024  # bytes that are kept of what the client sent
_CHUNK = 64 * 1024  # bytes
_RESET = struct.pack("ii", 1, 0)  # linger for 0 s: close() sends RST, not FIN
_REQUESTS = (
    struct.pack("!II", 8, 80877103),  # SSLRequest
    struct.pack("!II", 8, 80877104),  # GSSENCRequest
)


class Link:
    """Own the sockets of one connection. To be used in one event loop.

    Its coroutines end when the connection has ended, raise no OSError, and may be
    cancelled; `close` comes after them.

    Args:
        client: The connection that was accepted.
        is_silent: Tells whether the network swallows everything at this moment.
    """

    def __init__(self, client: socket.socket, is_silent: Callable[[], bool]) -> None:
        self.kept = bytearray()
        self._client = _prepared(client)
        self._server: socket.socket | None = None
        self._is_silent = is_silent
        self._lost = False
        self._ended_well = False

    async def forward(self, family: int, address: tuple[object, ...]) -> None:
        """Connect to a server and pass on what the two sides say, ends included."""
        server = self._server = _prepared(socket.socket(family))
        try:
            await asyncio.get_running_loop().sock_connect(server, address)
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._upstream(server))
                directions.create_task(self._downstream(server))
        except* OSError:
            pass  # of either side: the other one is reset
        else:
            self._ended_well = True

    async def swallow(self, *, refuse_tls: bool) -> None:
        """Read until the client is gone; answer requests for encryption or nothing."""
        loop = asyncio.get_running_loop()
        start = b""
        try:
            while data := await self._hear():
                start += data if refuse_tls else b""
                while start.startswith(_REQUESTS):
                    start = start[8:]
                    await loop.sock_sendall(self._client, b"N")
                refuse_tls = refuse_tls and len(start) < len(_REQUESTS[0])
        except OSError:
            pass

    def close(self) -> None:
        """Close the sockets; what did not end in order is reset on both sides."""
        for one in (self._client, self._server):
            if one is not None:
                if not self._ended_well:
                    _set(one, socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.close()

    async def _upstream(self, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await self._hear():
            if not self._is_lost():
                await loop.sock_sendall(server, data)
        if self._is_lost():
            raise ConnectionAbortedError  # nobody is left to be kept waiting
        server.shutdown(socket.SHUT_WR)

    async def _downstream(self, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(server, _CHUNK):
                if not self._is_lost():
                    await loop.sock_sendall(self._client, data)
            if not self._is_lost():
                self._client.shutdown(socket.SHUT_WR)
        except OSError:
            if not self._is_lost():  # else the client does not learn of it
                raise

    async def _hear(self) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._client, _CHUNK)
        self.kept += data[: _KEPT - len(self.kept)]
        return data

    def _is_lost(self) -> bool:
        # A stream that misses some bytes cannot be mended by passing on later ones.
        self._lost = self._lost or self._is_silent()
        return self._lost


def _prepared(one: socket.socket) -> socket.socket:
    one.settimeout(0)
    # A proxy must not hold back small messages in the hope of more.
    _set(one, socket.IPPROTO_TCP, socket.TCP_NODELAY, struct.pack("i", 1))
    return one


def _set(one: socket.socket, level: int, option: int, value: bytes) -> None:
    with contextlib.suppress(OSError):  # macOS refuses once the other side is gone
        one.setsockopt(level, option, value)

"""One side of a connection: bytes over a socket, with TLS from some moment on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.lab.sockets import Address

__all__ = ["Channel", "Tls"]

_CHUNK = 64 * 1024  # bytes
_RESET = struct.pack("ii", 1, 0)  # linger for 0 s: close() sends RST, not FIN
_PATIENCE = 2.0  # seconds for a client to hang up after the last word


class Tls:
    """The server's end of one TLS session, without a socket.

    asyncio's own streams cannot tell afterwards what came in clear, and end a session
    in one way only; hence this.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._in, self._out, server_side=True)

    def hear(self, data: bytes) -> None:
        """Take what came over the network."""
        self._in.write(data)

    def to_send(self) -> bytes:
        """Return what is to go over the network now."""
        return self._out.read()

    def read(self) -> bytes | None:
        """Return what was said, b"" at the end, None if more must be heard first."""
        try:
            return self.session.read(_CHUNK)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes) -> None:
        """Say something: see `to_send`."""
        if data:
            self.session.write(data)

    def say_goodbye(self) -> None:
        """Say that no more follows: see `to_send`."""
        with contextlib.suppress(ssl.SSLError):
            self.session.unwrap()


class Channel:
    """Own a socket. To be used in one event loop; one may read while another writes.

    Methods raise OSError when the connection is lost; ssl.SSLError is one.

    Args:
        one: The socket, connected or to be connected.
        thawed: Not set while nothing is to be answered, nor read.
        kept: How many bytes to keep in `clear` of what is received without TLS.
    """

    def __init__(
        self, one: socket.socket, thawed: asyncio.Event, *, kept: int = 0
    ) -> None:
        one.settimeout(0)
        self.clear = bytearray()
        self._kept = kept
        self._socket = one
        self._thawed = thawed
        self._tls: Tls | None = None
        self._unread = b""
        self._sending = asyncio.Lock()
        with contextlib.suppress(OSError):  # a Unix socket, or one that is gone
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def connect(self, address: Address | str) -> None:
        """Connect to a server."""
        await asyncio.get_running_loop().sock_connect(self._socket, address)

    async def read(self) -> bytes:
        """Return some bytes; none means that the other side has ended."""
        data, self._unread = self._unread, b""
        return data or await self._more()

    async def exactly(self, size: int) -> bytes:
        """Return so many bytes. Raises ConnectionResetError if fewer come."""
        while len(self._unread) < size:
            more = await self._more()
            if not more:
                raise ConnectionResetError("the client ended in the middle")
            self._unread += more
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def peek(self) -> int:
        """Return the next byte without taking it."""
        first = await self.exactly(1)
        self._unread = first + self._unread
        return first[0]

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        async with self._sending:
            if self._tls is not None:
                self._tls.write(data)
                data = self._tls.to_send()
            await self._thawed.wait()
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def start_tls(self, tls: Tls) -> None:
        """Shake hands; what is read and written from now on is encrypted."""
        heard, self._unread = self._unread, b""
        # What was read beyond the last message in clear belongs to the handshake.
        del self.clear[len(self.clear) - len(heard) :]
        tls.hear(heard)
        self._tls = tls
        while True:
            try:
                tls.session.do_handshake()
            except ssl.SSLWantReadError:
                await self.write(b"")
                await self._hear(tls)
            except ssl.SSLError:
                await self.write(b"")  # the alert that says why
                raise
            else:
                return await self.write(b"")

    async def finish(self) -> None:
        """End in order: send all, and wait a moment for the other side to hang up.

        A socket that is closed with something unread sends a reset, which may
        overtake the last word.
        """
        try:
            if self._tls is not None:
                self._tls.say_goodbye()
            await self.write(b"")
            self._socket.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_PATIENCE):
                while await self._receive():
                    pass
        except OSError:  # TimeoutError is one
            pass

    def close(self, *, reset: bool) -> None:
        """Close the socket; ``reset`` sends RST, and what is on its way is lost."""
        with contextlib.suppress(OSError):
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif self._tls is not None:
                self._tls.say_goodbye()
                self._socket.send(self._tls.to_send())
        self._socket.close()

    async def _more(self) -> bytes:
        tls = self._tls
        if tls is None:
            data = await self._receive()
            self.clear += data[: self._kept - len(self.clear)]
            return data
        while (heard := tls.read()) is None:
            await self.write(b"")  # TLS may have something to say of its own
            await self._hear(tls)
        return heard

    async def _hear(self, tls: Tls) -> None:
        data = await self._receive()
        if not data:
            raise ConnectionResetError("the client ended without a goodbye")
        tls.hear(data)

    async def _receive(self) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._socket, _CHUNK)
        await self._thawed.wait()
        return data

"""TCP on a socket that asyncio's loop waits for.

Not on asyncio's streams: these take bytes before the operating system has, and a batch
counts as delivered only when that has taken it all.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from moorline.net.tcp import (
    CHUNK,
    Dial,
    Drop,
    Finish,
    LocalAddressError,
    Receive,
    Send,
)

if TYPE_CHECKING:
    from moorline.core.flow import Step

__all__ = ["AsyncTcpConnection"]


class AsyncTcpConnection:
    """Performs the steps of `moorline.net.tcp` on one connection.

    Args:
        host: Name or address of the server.
        port: Its port.
        bind: The local address to connect from; "": any.
    """

    def __init__(self, host: str, port: int, bind: str = "") -> None:
        self.host = host
        self.port = port
        self._bind = bind
        self._socket: socket.socket | None = None

    async def perform(self, step: Step[object]) -> object:
        """Perform a step; if it fails or is cancelled, the connection is closed.

        Raises:
            OSError: The network says no.
        """
        try:
            return await self._perform(step)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection at once; again is no error."""
        given, self._socket = self._socket, None
        if given is not None:
            given.close()

    async def _perform(self, step: Step[object]) -> object:
        result: object = None
        match step:
            case Dial(timeout):
                async with asyncio.timeout(timeout):
                    await self._dial(timeout)
            case Send(data, timeout):
                async with asyncio.timeout(timeout):
                    await asyncio.get_running_loop().sock_sendall(self._here, data)
                # It does not let others have their turn if all is taken at once.
                await asyncio.sleep(0)
            case Receive(timeout):
                result = await self._receive(timeout)
            case Finish():
                self._here.shutdown(socket.SHUT_WR)
            case Drop():
                self.close()
            case _:
                raise TypeError(f"no runner performs {step!r}")
        return result

    @property
    def _here(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError("the connection was closed on this side")
        return self._socket

    async def _dial(self, timeout: float) -> None:  # noqa: ASYNC109 - shared out below
        """Try the host's addresses, each with an even share of the time."""
        self.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for count, (family, kind, protocol, _, address) in enumerate(found):
            share = (deadline - loop.time()) / (len(found) - count)
            made = socket.socket(family, kind, protocol)
            try:
                self._prepare(made)
                async with asyncio.timeout(max(share, 0.001)):
                    await loop.sock_connect(made, address)
            except OSError as error:
                made.close()
                # One that cannot begin at the local address is of the other family.
                if failure is None or not isinstance(error, LocalAddressError):
                    failure = error
            except BaseException:
                made.close()
                raise
            else:
                self._socket = made
                return
        raise failure or OSError(f"{self.host} has no address")

    def _prepare(self, made: socket.socket) -> None:
        made.settimeout(0)  # the loop waits for it
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._bind:
            try:
                made.bind((self._bind, 0))
            except OSError as error:
                raise LocalAddressError(*error.args) from error

    async def _receive(self, timeout: float) -> bytes | None:  # noqa: ASYNC109 - a step's own
        try:
            return self._here.recv(CHUNK)
        except BlockingIOError:
            if not timeout:
                return None
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.get_running_loop().sock_recv(self._here, CHUNK)
        except TimeoutError:
            return None

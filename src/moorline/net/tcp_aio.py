"""TCP on a socket that asyncio's loop waits for.

Not on asyncio's streams: these take bytes before the operating system has, and a batch
counts as delivered only when that has taken it all.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from moorline.net.tcp import CHUNK, Dial, Receive, Send
from moorline.net.tcp_base import TcpBase

if TYPE_CHECKING:
    from moorline.core.flow import Step

__all__ = ["AsyncTcpConnection"]


class AsyncTcpConnection(TcpBase):
    """Performs the steps of `moorline.net.tcp` on one connection; see `TcpBase`."""

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
            case _:
                self._at_once(step)
        return result

    async def _dial(self, timeout: float) -> None:  # noqa: ASYNC109 - shared out below
        """Try the host's addresses, each with an even share of the time."""
        self.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for attempt in self._attempts(found, deadline, loop.time):
            with attempt as made:
                self._prepare(made)
                made.settimeout(0)  # the loop waits for it
                async with asyncio.timeout(attempt.seconds):
                    await loop.sock_connect(made, attempt.address)

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

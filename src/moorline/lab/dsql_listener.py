"""Accept connections in a loop, each served by a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from moorline.lab.dsql_channel import Channel
from moorline.lab.sockets import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from moorline.lab.loop import LoopThread
    from moorline.lab.sockets import Address

__all__ = ["Listener"]

_BACKLOG = 512  # connections that wait to be accepted
_KEPT = 64 * 1024  # bytes that are kept of what a client sends in clear


class Listener:
    """Listen until it is closed. To be made and closed outside of the loop.

    Args:
        thread: Where the loop runs.
        host: The address to listen on.
        port: 0 for any that is free.
        serve: Sees one connection through; its OSError ends that one only.
    """

    def __init__(
        self,
        thread: LoopThread,
        host: str,
        port: int,
        serve: Callable[[Channel], Coroutine[None, None, None]],
    ) -> None:
        self.thawed = asyncio.Event()  # cleared while nobody is answered
        self.thawed.set()
        self._thread = thread
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = bound(family, (host, port))
        self.address: Address = self._socket.getsockname()
        thread.run(self._listen)

    def close(self) -> None:
        """Stop listening, and reset what is open."""
        self._thread.run(self._shut)

    async def _listen(self) -> None:
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):  # the client was gone again
            return
        client = Channel(accepted, self.thawed, kept=_KEPT)
        task = asyncio.get_running_loop().create_task(self._see_through(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Here, and not in the task, which may be cancelled before it begins.
        task.add_done_callback(lambda ended: client.close(reset=ended.cancelled()))

    async def _see_through(self, client: Channel) -> None:
        with contextlib.suppress(OSError):
            await self._serve(client)

    async def _shut(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

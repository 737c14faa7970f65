"""The ports of a front: open, closed, or open and deaf."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, TypeAlias

from moorline.lab.dsql_listener import Listener
from moorline.lab.sockets import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from moorline.lab.dsql_channel import Channel
    from moorline.lab.loop import LoopThread

__all__ = ["Doors", "Serve"]

Serve: TypeAlias = "Callable[[Channel], Coroutine[None, None, None]]"


class Doors:
    """Listen on a port for each way of serving, on the same ones until `close`.

    Thread-safe.

    Args:
        thread: Where the loop runs.
        host: The address to listen on.
        serving: By name, what sees a connection through.
    """

    def __init__(
        self, thread: LoopThread, host: str, serving: Mapping[str, Serve]
    ) -> None:
        self.ports = dict.fromkeys(serving, 0)
        self._thread = thread
        self._host = host
        self._serving = serving
        self._lock = threading.RLock()
        self._frozen = False
        self._open: dict[str, Listener] = {}
        self._held: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            self.admit()
        except BaseException:
            self.close()
            raise

    def admit(self) -> None:
        """Listen. Again is no error."""
        with self._lock:
            for name in self.ports.keys() - self._open.keys():
                listener = Listener(
                    self._thread, self._host, self.ports[name], self._serve(name)
                )
                self._open[name] = listener
                self.ports[name] = int(listener.address[1])
            self._release()
            if self._frozen:
                self.freeze()

    def refuse(self) -> None:
        """Stop listening, reset what is open, and keep the ports."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with self._lock:
            while self._open:
                name, listener = self._open.popitem()
                listener.close()
                # Bound and not listening, it refuses, and nobody else gets the port.
                self._held.append(bound(family, (self._host, self.ports[name])))

    def freeze(self) -> None:
        """Read and answer nothing."""
        with self._lock:
            self._frozen = True
            self._thread.run(self._freeze)

    def thaw(self) -> None:
        """Go on where everything was left."""
        with self._lock:
            self._frozen = False
            self._thread.run(self._thaw)

    def cut(self) -> None:
        """Reset what is open, and go on listening."""
        self._thread.run(self._cut)

    def close(self) -> None:
        """Stop listening for good, and reset what is open."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
            self._release()

    def _release(self) -> None:
        while self._held:
            self._held.pop().close()

    # What follows runs in the loop.

    def _serve(self, name: str) -> Serve:
        async def serve(channel: Channel) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await self._serving[name](channel)

        return serve

    async def _freeze(self) -> None:
        for listener in self._open.values():
            listener.thawed.clear()

    async def _thaw(self) -> None:
        for listener in self._open.values():
            listener.thawed.set()

    async def _cut(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Put a network between a client and the servers: well, sick, or somebody else's.

All of a proxy happens in one event loop in a thread of its own, so that it serves
tests of blocking and of asynchronous programs alike.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, cast, get_args

from moorline.lab.errors import LabError
from moorline.lab.link import Link
from moorline.lab.loop import LoopThread
from moorline.lab.sockets import bound, resolve

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    from moorline.lab.addresses import Endpoint

__all__ = ["Mode", "Proxy"]

Mode: TypeAlias = Literal["forward", "silent", "reset", "refuse", "no-tls"]

_MODES: tuple[str, ...] = get_args(Mode)
_BACKLOG = 128  # connections that wait to be accepted


class Proxy:
    """Forward TCP connections, until it is told to misbehave.

    ::

        with Proxy(("127.0.0.1", 5433), ("127.0.0.2", 5433)) as proxy:
            conn = psycopg.connect(host=proxy.host, port=proxy.port, ...)
            proxy.mode = "silent"

    With several targets each new connection takes the next one, as behind a load
    balancer. A target that does not answer is not passed over: its client is reset.

    All methods are thread-safe and block for microseconds, the waits excepted. The
    proxy belongs to the process that opened it; a child of ``os.fork`` may connect to
    it, and no more.

    Args:
        targets: Where to forward to, (host, port) each; names are looked up now.
        host: Where to listen.
        port: Exactly this port; by default any that is free.
        mode: How to begin, see `mode`.
    """

    def __init__(
        self,
        *targets: Endpoint,
        host: str = "127.0.0.1",
        port: int = 0,
        mode: Mode = "forward",
    ) -> None:
        self._targets = itertools.cycle([resolve(*target) for target in targets])
        self._has_targets = bool(targets)
        self._family, self._address = resolve(host, port)
        self._mode: Mode = self._checked(mode)
        self._lock = threading.RLock()  # of opening, closing and changing the mode
        self._thread: LoopThread | None = None
        self._listener: socket.socket
        self._changed = threading.Condition()  # holds what follows together
        self._received: list[bytearray] = []
        self._live: dict[asyncio.Task[None], Link] = {}

    def open(self) -> Self:
        """Listen. Raises OSError if the port asked for is taken."""
        with self._lock:
            if self._thread is not None:
                raise LabError("the proxy is open already")
            self._listener = bound(self._family, self._address)
            self._address = self._listener.getsockname()
            self._thread = LoopThread("proxy")
            try:
                self._run(lambda: self._obey(self._mode))
            except BaseException:
                self.close()
                raise
        return self

    def close(self) -> None:
        """Stop listening and reset what is live. Again is no error."""
        with self._lock:
            thread = self._thread
            if thread is not None and thread.alive:  # in a forked child it is not
                self._run(self._shut)
                thread.stop()
            self._thread = None

    def __enter__(self) -> Self:
        """Open the proxy."""
        return self.open()

    def __exit__(self, *_: object) -> None:
        """Close the proxy."""
        self.close()

    @property
    def host(self) -> str:
        """The address on which it listens."""
        return str(self._address[0])

    @property
    def port(self) -> int:
        """The port on which it listens, the same in every mode; 0 before `open`."""
        return int(self._address[1])

    @property
    def mode(self) -> Mode:
        """What befalls new connections, from the assignment on.

        ``forward``
            They reach the next target.
        ``silent``
            They are accepted and never answered. Connections from before are silenced
            too: what is sent over them now is lost for good, in both directions.
        ``reset``
            They are accepted, then reset (RST).
        ``refuse``
            Nobody listens; the port stays reserved.
        ``no-tls``
            The answer to a request for encryption (SSLRequest, GSSENCRequest) is
            ``N``, that of a server without; all else is read and not answered.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        with self._lock:
            checked = self._checked(mode)
            self._run(lambda: self._obey(checked))

    @property
    def accepted(self) -> int:
        """How many connections were accepted so far, in whatever mode."""
        return len(self._received)

    @property
    def received(self) -> tuple[bytes, ...]:
        """What the clients sent: the first 64 KiB of each connection, in their order.

        Complete for connections that have ended: `wait_idle`.
        """
        with self._changed:
            return tuple(bytes(kept) for kept in self._received)

    def cut(self) -> None:
        """Reset all live connections, to the client and to the server."""
        with self._lock:
            self._run(self._drop)

    def wait_accepted(self, count: int, timeout: float = 5.0) -> None:
        """Wait until so many connections were accepted.

        Raises AssertionError with the last count after ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.accepted >= count, timeout):
                raise AssertionError(f"{self.accepted} connections, not {count}")

    def wait_idle(self, timeout: float = 5.0) -> None:
        """Wait until all connections have ended.

        A client may need its event loop for that, or the garbage collector: psycopg's
        exceptions keep the connection that timed out.

        Raises AssertionError with how many have not after ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._live, timeout):
                raise AssertionError(f"{len(self._live)} connections have not ended")

    def _checked(self, mode: str) -> Mode:
        if mode not in _MODES:
            raise LabError(f"mode={mode!r}; there are {', '.join(_MODES)}")
        if mode == "forward" and not self._has_targets:
            raise LabError("a proxy without a target cannot forward")
        return cast("Mode", mode)

    def _run(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Have the loop do something, and wait until it is done."""
        if self._thread is None:
            raise LabError("the proxy is not open in this process")
        self._thread.run(work)

    # What follows runs in the loop.

    async def _obey(self, mode: Mode) -> None:
        self._mode = mode
        loop = asyncio.get_running_loop()
        if mode != "refuse":
            self._listener.listen(_BACKLOG)
            loop.add_reader(self._listener, self._accept)
        elif loop.remove_reader(self._listener):
            self._listener.close()
            # A socket that is bound and does not listen keeps the port and refuses.
            self._listener = bound(self._family, self._address)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # the client was gone again
            return
        link = Link(client, lambda: self._mode == "silent")
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(link, self._mode))
        with self._changed:
            self._received.append(link.kept)
            self._live[task] = link
            self._changed.notify_all()
        task.add_done_callback(self._ended)

    async def _serve(self, link: Link, mode: Mode) -> None:
        if mode == "forward":
            await link.forward(*next(self._targets))
        elif mode != "reset":
            await link.swallow(refuse_tls=mode == "no-tls")

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Here and not in the task, which may have been cancelled before it began.
        with self._changed:
            self._live.pop(task).close()
            self._changed.notify_all()

    async def _drop(self) -> None:
        tasks = list(self._live)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _shut(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        await self._drop()

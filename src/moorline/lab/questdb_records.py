"""Remember what clients sent through a front, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab.questdb_http import Head

__all__ = ["Exchange", "Flow", "Records", "Request", "Stream"]

_KEPT = 64 * 1024  # bytes that are kept of each body and stream
_SECRET = ("authorization", "proxy-authorization")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked over HTTP, and what the client was told."""

    connection: int  # which of the front's connections, from 1
    tls: str  # "TLSv1.3"; "" in clear
    client: str  # the common name in the client's certificate; "" without one
    method: str
    target: str  # with the query: "/write?precision=n"
    headers: tuple[tuple[str, str], ...]  # of credentials only the scheme: "Basic …"
    body: bytes  # the first 64 KiB, as they came: compressed if so sent
    size: int  # bytes of the whole body
    fault: str  # what befell it: "cut after answer", "answer 503"…; "" for nothing
    server_status: int | None  # what the server answered, None if nothing
    status: int | None  # what the client was told, None if nothing or not yet

    @property
    def path(self) -> str:
        """The target without the query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """Return the first header of a name, whatever its case."""
        found = (
            value for known, value in self.headers if known.lower() == name.lower()
        )
        return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a client sent over a connection for ILP by TCP."""

    connection: int
    tls: str
    client: str
    received: bytes  # the first 64 KiB
    size: int  # bytes in all
    fault: str
    ended: bool


class Flow:
    """A stream in the making."""

    def __init__(self, connection: int, tls: str, client: str) -> None:
        self.connection, self.tls, self.client = connection, tls, client
        self.kept = bytearray()
        self.size = 0
        self.fault = ""
        self.ended = False

    def add(self, data: bytes) -> None:
        """Count what came, and keep its beginning."""
        self.kept += data[: _KEPT - len(self.kept)]
        self.size += len(data)

    def seen(self) -> Stream:
        """Return it as it is now."""
        return Stream(
            connection=self.connection,
            tls=self.tls,
            client=self.client,
            received=bytes(self.kept),
            size=self.size,
            fault=self.fault,
            ended=self.ended,
        )


class Exchange(Flow):
    """A request in the making."""

    def __init__(self, connection: int, tls: str, client: str, head: Head) -> None:
        super().__init__(connection, tls, client)
        self.method, self.target = head.first[:2]
        self._headers = tuple(
            (name, _shown(name, value)) for name, value in head.headers
        )
        self.server_status: int | None = None
        self.status: int | None = None

    def request(self) -> Request:
        """Return it as it is now."""
        return Request(
            connection=self.connection,
            tls=self.tls,
            client=self.client,
            method=self.method,
            target=self.target,
            headers=self._headers,
            body=bytes(self.kept),
            size=self.size,
            fault=self.fault,
            server_status=self.server_status,
            status=self.status,
        )


class Records:
    """Lists and counters. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0
        self.reset()

    def reset(self) -> None:
        """Forget all but the connections that are open."""
        with self._changed:
            self._exchanges: list[Exchange] = []
            self._flows: list[Flow] = []
            self._accepted = 0

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests whose head has come, oldest first."""
        with self._changed:
            return tuple(one.request() for one in self._exchanges)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams, oldest first."""
        with self._changed:
            return tuple(one.seen() for one in self._flows)

    @property
    def accepted(self) -> int:
        """How many connections there were."""
        return self._accepted

    @property
    def open(self) -> int:
        """How many connections there are."""
        return self._open

    def opened(self) -> int:
        """Count a connection, and give it a number."""
        with self._changed:
            self._open += 1
            self._accepted += 1
            self._changed.notify_all()
            return self._accepted

    def closed(self) -> None:
        """Count the end of one."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def begin(self, one: Exchange | Flow) -> None:
        """Remember a request or a stream that begins."""
        with self._changed:
            if isinstance(one, Exchange):
                self._exchanges.append(one)
            else:
                self._flows.append(one)
            self._changed.notify_all()

    def notify(self) -> None:
        """Have those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)


def _shown(name: str, value: str) -> str:
    if name.lower() not in _SECRET:
        return value
    return value.partition(" ")[0] + " …" if " " in value else "…"

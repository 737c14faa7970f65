"""Read HTTP/1.1 messages as they pass, so that each can be passed on byte by byte.

Not by the library that moorline's own client uses: the two would share a mistake.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from moorline.lab.dsql_channel import Channel

__all__ = ["Head", "Piece", "Source", "answer", "answer_body", "body"]

_LONGEST = 1024 * 1024  # bytes of a head: a query in the target may be long
_END = b"\r\n\r\n"
_LINE = b"\r\n"
_EMPTY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Piece(NamedTuple):
    """A part of a body."""

    raw: bytes  # as it came
    data: bytes  # what of it is content, without the marks of chunks


@dataclass(frozen=True, slots=True)
class Head:
    """What precedes a body: the first line and the headers."""

    raw: bytes
    first: tuple[str, ...]  # three words: method, target, version or such of an answer
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a head. Raises ConnectionResetError if it is none."""
        line, *rest = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        first = tuple(line.split(" ", 2))
        if len(first) < 2 or any(":" not in one for one in rest):  # noqa: PLR2004 - an answer's reason may lack
            raise ConnectionResetError("that is no HTTP/1.1")
        named = (one.split(":", 1) for one in rest)
        return cls(raw, first, tuple((name, value.strip()) for name, value in named))

    def get(self, name: str) -> str:
        """Return the value of a header in lower case, "" if there is none."""
        found = (value for known, value in self.headers if known.lower() == name)
        return next(found, "").lower()

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first[1])

    @property
    def length(self) -> int:
        """How long the body is, 0 if that is not said.

        Raises ConnectionResetError if it is no number.
        """
        return _number(self.get("content-length") or "0", 10)

    def is_empty(self, method: str) -> bool:
        """Tell whether an answer to this method has no body, whatever it says."""
        return method == "HEAD" or self.status in _EMPTY

    def lasts(self, method: str) -> bool:
        """Tell whether more may follow an answer to this method."""
        framed = self.get("content-length") or self.get("transfer-encoding")
        return bool(framed or self.is_empty(method)) and (
            self.first[0] == "HTTP/1.1" and self.get("connection") != "close"
        )


class Source:
    """Take bytes from a connection by what they mean. Methods raise OSError.

    They may be cancelled, and lose nothing then: what was being read is had by the
    next one.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._reading: asyncio.Task[bytes] | None = None

    async def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def head(self) -> Head | None:
        """Return the next head, None if the other side ended before it began."""
        raw = await self._until(_END)
        return Head.parse(raw) if raw else None

    async def line(self) -> bytes:
        """Return a line with its end."""
        return await self._until(_LINE) or await self._broken()

    async def some(self, most: int) -> bytes:
        """Return as many bytes as are there, ``most`` at most; none at the end."""
        if not self._buffer:
            await self._more()
        taken = bytes(self._buffer[:most])
        del self._buffer[:most]
        return taken

    async def gone(self) -> None:
        """Return when the other side has hung up."""
        while await self._more():
            pass

    async def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            more = await self._more()
            if not more and not self._buffer:
                return b""
            if not more or len(self._buffer) > _LONGEST:
                await self._broken()
        taken = bytes(self._buffer[: at + len(end)])
        del self._buffer[: at + len(end)]
        return taken

    async def _more(self) -> bool:
        """Read into the buffer; return whether there was anything."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._channel.read())
        data = await asyncio.shield(self._reading)
        self._reading = None
        self._buffer += data
        return bool(data)

    async def _broken(self) -> bytes:
        raise ConnectionResetError("the message ends in the middle")


async def body(source: Source, head: Head) -> AsyncGenerator[Piece]:
    """Yield the body of a request as it comes."""
    if "chunked" in head.get("transfer-encoding"):
        while size := _number((line := await source.line()).split(b";")[0], 16):
            yield Piece(line, b"")
            async for piece in _exactly(source, size):
                yield piece
            yield Piece(await source.line(), b"")
        yield Piece(line, b"")
        while (trailer := await source.line()) != _LINE:
            yield Piece(trailer, b"")
        yield Piece(trailer, b"")
    else:
        async for piece in _exactly(source, head.length):
            yield piece


async def answer_body(source: Source, head: Head, method: str) -> AsyncGenerator[Piece]:
    """Yield the body of an answer; without a length it lasts as the connection does."""
    if head.is_empty(method):
        return
    if head.get("content-length") or head.get("transfer-encoding"):
        async for piece in body(source, head):
            yield piece
        return
    while some := await source.some(_LONGEST):
        yield Piece(some, some)


def answer(status: int, headers: dict[str, str], content: bytes) -> bytes:
    """Write an answer of the front's own."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Lab"
    length = {"Content-Length": str(len(content))}
    lines = [f"{name}: {value}" for name, value in (headers | length).items()]
    head = "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""])
    return head.encode("latin-1") + content


async def _exactly(source: Source, size: int) -> AsyncGenerator[Piece]:
    while size:
        some = await source.some(size) or await source.line()
        size -= len(some)
        yield Piece(some, some)


def _number(text: bytes | str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise ConnectionResetError(f"{text!r} is no length") from error

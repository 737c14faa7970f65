"""What is said and heard over TCP, with TLS and without: all but the socket.

The steps are few and small, so that `moorline.net.tcp_sync` and `moorline.net.tcp_aio`
have nothing to decide. TLS is done here, between bytes and bytes, for both of them.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorline.core.flow import Step
from moorline.core.steps import Now

if TYPE_CHECKING:
    from moorline.core.flow import Flow

__all__ = [
    "CHUNK",
    "Dial",
    "Drop",
    "EndedError",
    "Finish",
    "LocalAddressError",
    "Receive",
    "Send",
    "Talk",
]

CHUNK = 65536  # bytes that are read at once
PIECE = 65536  # bytes that are sent at once


class EndedError(ConnectionError):
    """The other side closed the connection, and more was to be heard."""


class LocalAddressError(OSError):
    """A connection cannot begin at the local address that was asked for."""


# --- steps ----------------------------------------------------------------------------
#
# A step that fails closes the connection, so that nothing half said is gone on with.


@dataclass(frozen=True, slots=True)
class Dial(Step[None]):
    """Open the connection; if there is one, close it before.

    Args:
        timeout: Seconds for looking up the name and for all of its addresses.
    """

    timeout: float


@dataclass(frozen=True, slots=True)
class Send(Step[None]):
    """Give bytes to the operating system.

    Args:
        data: The bytes.
        timeout: Seconds until it must have taken them all.
    """

    data: bytes = field(repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Receive(Step["bytes | None"]):
    """Take what has come: b"" is the end, `None` that nothing came in time.

    Args:
        timeout: Seconds to wait for it; 0: only look.
    """

    timeout: float


@dataclass(frozen=True, slots=True)
class Finish(Step[None]):
    """Say that nothing more will be said; what the other side says is still heard."""


@dataclass(frozen=True, slots=True)
class Drop(Step[None]):
    """Close the connection at once; if there is none, do nothing."""


# --- flows ----------------------------------------------------------------------------


class Talk:
    """One connection, from `open` to `leave`.

    What is raised besides is what the socket raises: an `OSError`.
    """

    def __init__(self) -> None:
        self._tls: _Tls | None = None
        self._heard = bytearray()

    def open(self, deadline: float) -> Flow[None]:
        """Connect, until a point on the monotonic clock."""
        left = yield from _left(deadline)
        yield from Dial(left)

    def secure(self, context: ssl.SSLContext, host: str, deadline: float) -> Flow[None]:
        """Set up TLS; nothing else was said before.

        Args:
            context: How the server is verified.
            host: Whom its certificate must be for.
            deadline: Until when.

        Raises:
            OSError: It came to nothing; `ssl.SSLError` if TLS says why.
        """
        tls = _Tls(context, host)
        try:
            while not tls.has_shaken_hands():
                yield from self._pass_on(tls, deadline)
                tls.take((yield from self._receive(deadline)))
        except ssl.SSLError:
            with suppress(OSError):  # the server is told why, if it still listens
                yield from self._pass_on(tls, deadline)
            raise
        yield from self._pass_on(tls, deadline)
        self._tls = tls

    def say(self, data: bytes | bytearray | memoryview, patience: float) -> Flow[None]:
        """Give bytes to the operating system, in pieces of 64 KiB.

        Args:
            data: The bytes; no view of them is kept, whatever happens.
            patience: Seconds for each piece, so that a server that reads slowly has its
                time, and one that reads nothing does not hold anybody up for ever.

        Raises:
            TimeoutError: A piece was not taken in time.
        """
        for start in range(0, len(data), PIECE):
            with memoryview(data) as view:
                piece = bytes(view[start : start + PIECE])
            if self._tls:
                piece = self._tls.seal(piece)
            yield from Send(piece, patience)

    def hear_line(self, most: int, deadline: float) -> Flow[bytes]:
        r"""Return what is heard up to the first b"\n", which is left out.

        Args:
            most: How many bytes it may have.
            deadline: Until when.

        Raises:
            EndedError: The end came before.
            TimeoutError: It did not come in time.
            ValueError: It is longer.
        """
        heard = self._heard
        while b"\n" not in heard[: most + 1]:
            if len(heard) > most:
                raise ValueError(f"no end of line within {most} bytes")
            data = yield from self._receive(deadline)
            if self._tls:
                self._tls.take(data)
                plain = self._tls.told()
            else:
                plain = data
            if plain == b"":
                raise EndedError("the server closed the connection")
            heard += plain or b""
        line, _, rest = bytes(heard).partition(b"\n")
        self._heard = bytearray(rest)
        return line

    def watch(self, seconds: float) -> Flow[bytes | None]:
        """Return what is heard within so many seconds, without waiting for more.

        It is b"" if the other side has closed, and `None` if it said nothing. What TLS
        says of itself is nothing.
        """
        if self._heard:
            heard, self._heard = bytes(self._heard), bytearray()
            return heard
        now = yield from Now()
        deadline = now + seconds
        while True:
            data = yield from Receive(max(0.0, deadline - now))
            if data is None or self._tls is None:
                return data
            self._tls.take(data)
            told = self._tls.told()
            if told is not None:
                return told
            now = yield from Now()

    def leave(self, seconds: float) -> Flow[bool]:
        """Say that there is no more, and wait until the other side says so too.

        A server that reads to the end before it closes has then read everything.

        Args:
            seconds: How long to wait for it.

        Returns:
            Whether it did.

        Raises:
            ConnectionResetError: It closed without reading everything.
        """
        now = yield from Now()
        deadline = now + seconds
        if self._tls:
            yield from Send(self._tls.farewell(), seconds)
        yield from Finish()
        data: bytes | None = b" "
        while data:
            now = yield from Now()
            data = yield from Receive(max(0.0, deadline - now))
        yield from Drop()
        return data is not None

    def _pass_on(self, tls: _Tls, deadline: float) -> Flow[None]:
        """Send what TLS has to say."""
        data = tls.give()
        if data:
            left = yield from _left(deadline)
            yield from Send(data, left)

    @staticmethod
    def _receive(deadline: float) -> Flow[bytes]:
        left = yield from _left(deadline)
        data = yield from Receive(left)
        if data is None:
            raise TimeoutError("timed out")
        return data


def _left(deadline: float) -> Flow[float]:
    now = yield from Now()
    if now >= deadline:
        raise TimeoutError("timed out")
    return deadline - now


# --- TLS ------------------------------------------------------------------------------


class _Tls:
    """TLS between what is said and what goes over the wire."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._side = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )

    def take(self, data: bytes) -> None:
        """Take in what was received, b"" for its end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def give(self) -> bytes:
        """Return what is to be sent."""
        return self._outgoing.read()

    def has_shaken_hands(self) -> bool:
        """Go on with the handshake, and tell whether it is done."""
        try:
            self._side.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def seal(self, data: bytes) -> bytes:
        """Return what is to be sent for some bytes."""
        with memoryview(data) as view:
            done = 0
            while done < len(view):  # a record at a time
                done += self._side.write(view[done:])
        return self.give()

    def told(self) -> bytes | None:
        """Return what was told; b"" at the end, `None` if it was nothing yet."""
        told = bytearray()
        try:
            while data := self._side.read(CHUNK):
                told += data
        except ssl.SSLWantReadError:
            return bytes(told) or None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            pass  # the end, announced or not: nothing was expected anyway
        return bytes(told)

    def farewell(self) -> bytes:
        """Return what says that there is no more."""
        with suppress(ssl.SSLError):  # it waits for an answer, which nobody needs
            self._side.unwrap()
        return self.give()

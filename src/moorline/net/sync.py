"""HTTP on a blocking socket."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from moorline.net.http import ExchangeError, Stage, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from moorline.net.dialogue import Dialogue
    from moorline.net.http import Body, Request, Response

__all__ = ["HttpConnection"]

CHUNK = 65536


class HttpConnection:
    """A connection that is opened when it is needed, and kept while both sides may.

    Args:
        host: Name or address of the server.
        port: Its port.
        secure: Wraps a socket that is connected, and verifies whom it leads to;
            `None` for plain HTTP.
    """

    def __init__(
        self,
        host: str,
        port: int,
        secure: Callable[[socket.socket], socket.socket] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._secure = secure
        self._socket: socket.socket | None = None
        self._dialogue: Dialogue | None = None

    def exchange(self, request: Request, timeout: float) -> Response:
        """Send a request and return the answer.

        Args:
            request: What to send.
            timeout: Seconds for all of it.

        Raises:
            ExchangeError: No answer came.
            TlsError: The server could not be verified.
        """
        deadline = time.monotonic() + timeout
        connected = self._connected(deadline)
        dialogue = self._dialogue
        assert dialogue is not None  # noqa: S101 - it comes with the socket
        try:
            response = self._talk(connected, dialogue, request, deadline)
        except BaseException:
            self.close()
            raise
        if not dialogue.goes_on():
            self.close()
        return response

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        given, self._socket, self._dialogue = self._socket, None, None
        if given is not None:
            given.close()

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is not None and _has_news(self._socket):
            self.close()  # the server closed it; nothing else is to be heard here
        if self._socket is not None:
            return self._socket
        try:
            plain = socket.create_connection((self.host, self.port), _left(deadline))
        except OSError as error:
            raise ExchangeError(Stage.CONNECT, error) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(_left(deadline))
            self._socket = self._secure(plain) if self._secure else plain
        except TimeoutError as error:
            plain.close()
            raise ExchangeError(Stage.CONNECT, error) from error
        except BaseException:
            plain.close()
            raise
        place = f"[{self.host}]" if ":" in self.host else self.host
        from moorline.net.dialogue import Dialogue  # noqa: PLC0415 - and h11

        self._dialogue = Dialogue(f"{place}:{self.port}")
        return self._socket

    @staticmethod
    def _talk(
        connected: socket.socket, dialogue: Dialogue, request: Request, deadline: float
    ) -> Response:
        stage = Stage.SEND
        try:
            # A server may refuse a body before it has read it: hear what it said.
            with suppress(BrokenPipeError, ConnectionResetError):
                with closing(_said(dialogue, request)) as said:
                    for data in said:
                        connected.settimeout(_left(deadline))
                        connected.sendall(data)
                stage = Stage.RECEIVE
            while True:
                connected.settimeout(_left(deadline))
                response = dialogue.hear(connected.recv(CHUNK))
                if response is not None:
                    return response
        except OSError as error:
            raise ExchangeError(stage, error) from error


def _said(dialogue: Dialogue, request: Request) -> Generator[Body]:
    """Yield what is to be sent, some of it when it is there."""
    dialogue.say(request)
    body = request.body
    for part in body.parts() if isinstance(body, Stream) else (body,):
        yield from dialogue.framed(part)
    yield dialogue.end()


def _has_news(idle: socket.socket) -> bool:
    """Tell whether something is to be read on a connection where nothing should be."""
    with selectors.DefaultSelector() as selector:  # select() ends at 1024 files
        selector.register(idle, selectors.EVENT_READ)
        return bool(selector.select(0))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left

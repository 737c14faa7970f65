"""One request and its answer, without the socket: h11 between bytes and values.

Source of the protocol: RFC 9110 and RFC 9112.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import h11

from moorline.net.http import ExchangeError, Response, Stage, Stream

if TYPE_CHECKING:
    from moorline.net.http import Body, Request

__all__ = ["Dialogue"]

LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; an answer to a write has a few hundred


class Dialogue:
    """Requests and answers on one connection, one after the other."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._http = h11.Connection(h11.CLIENT)
        self._unsaid = b""  # it is sent with what comes next
        self._head: h11.Response | None = None
        self._body = bytearray()

    def say(self, request: Request) -> None:
        """Begin a request: what `framed` and `end` return is to be sent."""
        length = ("Transfer-Encoding", "chunked")
        if not isinstance(request.body, Stream):
            length = ("Content-Length", str(len(request.body)))
        headers = [("Host", self._host), length, *request.headers.items()]
        event = h11.Request(
            method=request.method, target=request.target, headers=headers
        )
        self._head, self._body = None, bytearray()
        self._unsaid = self._http.send(event) or b""

    def framed(self, part: Body) -> list[Body]:
        """Return what is to be sent for a part of the body, which is not copied."""
        data = h11.Data(data=cast("bytes", part))  # whose length is all that is asked
        match self._http.send_with_data_passthrough(data):
            case [size, _, end]:
                said, self._unsaid = self._unsaid + size, end
            case [_]:
                said, self._unsaid = self._unsaid, b""
            case _:  # nothing, which would be the end of a body in chunks
                return []
        return [said, part]

    def end(self) -> bytes:
        """Return what ends the request."""
        return self._unsaid + (self._http.send(h11.EndOfMessage()) or b"")

    def hear(self, data: bytes) -> Response | None:
        """Take in what was received, b"" for its end; return the answer if it is whole.

        Raises:
            ExchangeError: It is no HTTP, ends too early, or is too large.
        """
        if not data and self._head is None:
            ended = ConnectionError("the server closed the connection unanswered")
            raise ExchangeError(Stage.RECEIVE, ended)
        try:
            self._http.receive_data(data)
            return self._events()
        except h11.RemoteProtocolError as error:
            heard = data if self._head is None else b""
            raise ExchangeError(Stage.RECEIVE, error, heard) from error

    def _events(self) -> Response | None:
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    self._head = event
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > LARGEST_ANSWER:
                        raise h11.RemoteProtocolError("the answer is too large")
                case h11.EndOfMessage():
                    return self._answer()
                case h11.ConnectionClosed():
                    raise h11.RemoteProtocolError("the connection was closed")
                case h11.InformationalResponse():
                    continue
                case _:  # more data is needed
                    return None

    def goes_on(self) -> bool:
        """Tell whether another request may follow, and make ready for it."""
        if self._http.our_state is self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    def _answer(self) -> Response:
        assert self._head is not None  # noqa: S101 - h11 keeps the order
        headers = {
            name.decode("ascii"): value.decode("latin-1")
            for name, value in self._head.headers
        }
        return Response(self._head.status_code, headers, bytes(self._body))

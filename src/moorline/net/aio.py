"""HTTP on asyncio's streams."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from moorline.errors import MoorlineError
from moorline.net.dialogue import Dialogue
from moorline.net.http import ExchangeError, Stage, Stream
from moorline.net.threads import to_its_end

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from moorline.net.http import Body, Request, Response

__all__ = ["AsyncHttpConnection"]

CHUNK = 65536
PIECE = 256 * 1024  # bytes that are given to the loop at once
NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}


class AsyncHttpConnection:
    """A connection that is opened when it is needed, and kept while both sides may.

    Args:
        host: Name or address of the server.
        port: Its port.
        context: Gives the context of TLS, and is called in a thread; `None` for plain
            HTTP.
        told: Returns the error to raise when TLS came to nothing.
    """

    def __init__(
        self,
        host: str,
        port: int,
        context: Callable[[], ssl.SSLContext] | None = None,
        told: Callable[[Exception], Exception] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._context = context
        self._told = told
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._dialogue: Dialogue | None = None

    async def exchange(self, request: Request, timeout: float) -> Response:  # noqa: ASYNC109 - a step's own
        """Send a request and return the answer.

        Args:
            request: What to send.
            timeout: Seconds for all of it.

        Raises:
            ExchangeError: No answer came.
            TlsError: The server could not be verified.
        """
        stage = [Stage.CONNECT]
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await self._connected()
                dialogue = self._dialogue
                assert dialogue is not None  # noqa: S101 - it comes with the streams
                stage[0] = Stage.SEND
                response = await self._talk(reader, writer, dialogue, request, stage)
        except BaseException as error:
            self.close()
            # A TlsError is an OSError too, and says all by itself.
            if isinstance(error, OSError) and not isinstance(error, MoorlineError):
                raise ExchangeError(stage[0], error) from error
            raise
        if not dialogue.goes_on():
            self.close()
        return response

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        streams, self._streams, self._dialogue = self._streams, None, None
        if streams is not None:
            # Without TLS's goodbye, for which nobody would wait: the loop may end now.
            streams[1].transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None:
            await asyncio.sleep(0)  # the loop may not have heard of its end yet
            if self._streams[0].at_eof():
                self.close()  # the server closed it
        if self._streams is None:
            # It may be made anew from files, which takes its time.
            context = await asyncio.to_thread(self._context) if self._context else None
            try:
                self._streams = await asyncio.open_connection(
                    self.host, self.port, ssl=context
                )
            except OSError as error:
                if context is None or self._told is None or _is_below(error):
                    raise
                told = self._told(error)
                raise told from told.__cause__
            place = f"[{self.host}]" if ":" in self.host else self.host
            self._dialogue = Dialogue(f"{place}:{self.port}")
        return self._streams

    @staticmethod
    async def _talk(
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        dialogue: Dialogue,
        request: Request,
        stage: list[str],
    ) -> Response:
        # A server may refuse a body before it has read it: hear what it said.
        with suppress(BrokenPipeError, ConnectionResetError):
            dialogue.say(request)
            if isinstance(request.body, Stream):
                await _write_parts(writer, dialogue, request.body)
            else:
                await _write(writer, dialogue.framed(request.body))
            writer.write(dialogue.end())
            await writer.drain()
            stage[0] = Stage.RECEIVE
        while True:
            response = dialogue.hear(await reader.read(CHUNK))
            if response is not None:
                return response


async def _write_parts(
    writer: asyncio.StreamWriter, dialogue: Dialogue, stream: Stream
) -> None:
    with closing(stream.parts()) as parts:
        while True:
            # A thread writes it. None may be left behind when this is tried again.
            part, cancelled = await to_its_end(partial(next, parts, None))
            if cancelled:
                raise asyncio.CancelledError
            if part is None:
                return
            await _write(writer, dialogue.framed(part))


async def _write(writer: asyncio.StreamWriter, said: list[Body]) -> None:
    for data in said:
        for start in range(0, len(data), PIECE):
            with memoryview(data) as whole:
                # No view of it may be left, in a buffer of the loop or an error.
                piece = bytes(whole[start : start + PIECE])
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # drain alone gives nobody else a turn


def _is_below(error: OSError) -> bool:
    """Tell whether no connection was there on which TLS could begin."""
    nobody = (ConnectionRefusedError, socket.gaierror)
    return isinstance(error, nobody) or error.errno in NO_WAY

"""Pass HTTP and ILP on between a client and the server, and let faults happen."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from moorline.lab.dsql_channel import Channel
from moorline.lab.questdb_armed import Answer, Break, Cut, Delay, Silence
from moorline.lab.questdb_http import Source, answer, answer_body, body
from moorline.lab.questdb_records import Exchange, Flow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from moorline.lab.addresses import Endpoint
    from moorline.lab.questdb_armed import Armed, Fault
    from moorline.lab.questdb_http import Head
    from moorline.lab.questdb_records import Records

__all__ = ["CutError", "HttpRelay", "StreamRelay"]

_FIRST_FINAL = 200  # lower ones announce another answer


class CutError(Exception):
    """The connections of this client are to be reset."""


class _Relay:
    """What both have: a client, and a connection to the server in its name.

    Args:
        client: The client's connection, after TLS.
        upstream: Where the server listens.
        armed: The faults.
        records: Where to write down what comes.
        identity: The connection's number, TLS version and client's name.
    """

    def __init__(
        self,
        client: Channel,
        upstream: Endpoint,
        armed: Armed,
        records: Records,
        identity: tuple[int, str, str],
    ) -> None:
        self._client = client
        always = asyncio.Event()
        always.set()  # it is the client's side that is frozen
        self._server = Channel(socket.socket(), always)
        self._upstream = upstream
        self._armed = armed
        self._records = records
        self._identity = identity

    def close(self) -> None:
        """End the connection to the server, which gets all that was passed on."""
        self._server.close(reset=False)


class HttpRelay(_Relay):
    """Pass on one request after the other, over one connection to the server."""

    _answers: Source | None = None

    async def run(self) -> None:
        """Return when the client has had its last answer.

        Raises CutError if all is to be reset, OSError if one side is lost.
        """
        source = Source(self._client)
        try:
            while (head := await source.head()) is not None:
                exchange = Exchange(*self._identity, head)
                self._records.begin(exchange)
                fault = self._armed.take("request", exchange.target)
                exchange.fault = str(fault or "")
                lasts = await self._exchange(source, head, exchange, fault)
                self._records.notify()
                if not lasts:
                    return
        finally:
            await source.close()
            if self._answers is not None:
                await self._answers.close()

    async def _exchange(
        self, source: Source, head: Head, exchange: Exchange, fault: Fault | None
    ) -> bool:
        """See one request through; return whether another may follow."""
        match fault:
            case Answer() | Silence() | Cut(when="before request"):
                async for piece in body(source, head):
                    exchange.add(piece.data)
                return await self._instead(source, exchange, fault)
            case _:
                pass
        if self._answers is None:
            await self._server.connect(self._upstream)
            self._answers = Source(self._server)
        await self._upload(source, head, exchange, fault)
        answers = self._answers
        return await _unless_gone(source, self._download(answers, exchange, fault))

    async def _instead(
        self, source: Source, exchange: Exchange, fault: Answer | Silence | Cut
    ) -> bool:
        self._records.notify()
        match fault:
            case Answer():
                exchange.status = fault.status
                await self._client.write(
                    answer(fault.status, fault.headers, fault.body)
                )
                return True
            case Silence():
                await source.gone()
                return False
            case Cut():
                raise CutError

    async def _upload(
        self, source: Source, head: Head, exchange: Exchange, fault: Fault | None
    ) -> None:
        """Pass a request on, to its end: no server that was tried answers before.

        One that hangs up may have said why, which comes next: that is no error here.
        """
        limit = head.length // 2 if fault == Cut("in request") else None
        write = _until_lost(self._server.write)
        await write(head.raw)
        async for piece in body(source, head):
            exchange.add(piece.data)
            if limit is not None and exchange.size >= limit:
                await write(piece.raw[: len(piece.raw) - (exchange.size - limit)])
                raise CutError
            await write(piece.raw)
        if limit is not None:  # there was no body
            raise CutError

    async def _download(
        self, answers: Source, exchange: Exchange, fault: Fault | None
    ) -> bool:
        """Pass an answer on; return whether the server waits for more requests."""
        while (head := await answers.head()) is not None:
            if head.status >= _FIRST_FINAL:
                break
            await self._client.write(head.raw)
        else:
            raise CutError  # the server hung up without an answer
        exchange.server_status = head.status
        pieces = answer_body(answers, head, exchange.method)
        if fault is None:
            exchange.status = head.status
            await self._client.write(head.raw)
            async for piece in pieces:
                await self._client.write(piece.raw)
        else:
            whole = head.raw + b"".join([piece.raw async for piece in pieces])
            await self._late(exchange, fault, whole)
        return head.lasts(exchange.method)

    async def _late(self, exchange: Exchange, fault: Fault, whole: bytes) -> None:
        """Do to an answer what is to be done to it."""
        match fault:
            case Cut(when="in answer"):
                await self._client.write(whole[: len(whole) // 2])
                raise CutError
            case Delay():
                await asyncio.sleep(fault.seconds)
                exchange.status = exchange.server_status
                await self._client.write(whole)
            case _:
                raise CutError


class StreamRelay(_Relay):
    """Pass on what both sides say, until one of them ends."""

    async def run(self) -> None:
        """Return when it is over. Raises CutError or OSError if it did not end well."""
        flow = Flow(*self._identity)
        fault = self._armed.take("stream")
        flow.fault = str(fault or "")
        self._records.begin(flow)
        try:
            await self._server.connect(self._upstream)
            await self._splice(flow, fault.after if isinstance(fault, Break) else None)
        finally:
            flow.ended = True
            self._records.notify()

    async def _splice(self, flow: Flow, limit: int | None) -> None:
        up = asyncio.create_task(self._up(flow, limit))
        down = asyncio.create_task(self._down())
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        for task in (up, down):
            if not task.cancelled():
                task.result()
        if not up.cancelled():
            await self._server.finish()

    async def _up(self, flow: Flow, limit: int | None) -> None:
        while data := await self._client.read():
            flow.add(data)
            self._records.notify()
            if limit is not None and flow.size >= limit:
                await self._server.write(data[: len(data) - (flow.size - limit)])
                raise CutError
            await self._server.write(data)

    async def _down(self) -> None:
        while data := await self._server.read():
            await self._client.write(data)


async def _unless_gone(source: Source, work: Coroutine[None, None, bool]) -> bool:
    """Do something, and stop with ConnectionResetError if the client hangs up."""
    gone, task = asyncio.create_task(source.gone()), asyncio.create_task(work)
    try:
        await asyncio.wait({gone, task}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ConnectionResetError("the client did not wait for its answer")
        return task.result()
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.gather(gone, task, return_exceptions=True)


def _until_lost(
    write: Callable[[bytes], Awaitable[None]],
) -> Callable[[bytes], Awaitable[None]]:
    """Return the same, but that does nothing more when the other side is gone."""
    lost = False

    async def attempt(data: bytes) -> None:
        nonlocal lost
        if not lost:
            try:
                await write(data)
            except OSError:
                lost = True

    return attempt

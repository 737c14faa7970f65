"""What performs the exchanges of a sender for asyncio."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from moorline.net.aio import AsyncHttpConnection
from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.questdb.delivery import Exchange
from moorline.shell import aio

if TYPE_CHECKING:
    from moorline.core.flow import Flow, Step
    from moorline.questdb.sending import Sending

__all__ = ["AsyncWires"]

R = TypeVar("R")


class AsyncWires:
    """The connections of one sender; see `moorline.questdb.wires`."""

    def __init__(self, sending: Sending) -> None:
        context = sending.contexts.get if sending.contexts else None
        self._connections = [
            AsyncHttpConnection(
                one.host, one.port, context, partial(sending.told, address=one)
            )
            for one in sending.settings.addresses
        ]
        self._tcp: AsyncTcpConnection | None = None
        if sending.line is not None:
            (address,), settings = sending.settings.addresses, sending.settings
            self._tcp = AsyncTcpConnection(
                address.host, address.port, settings.bind_interface
            )
        self._turn = asyncio.Lock()

    async def run(self, flow: Flow[R]) -> R:
        """Run a flow of `moorline.questdb.delivery`, or of `tcp`, to its end."""
        if self._tcp is not None:
            async with self._turn:
                return await aio.run(flow, perform=self._tcp.perform)
        return await aio.run(flow, perform=self._perform)

    def close(self) -> None:
        """Close the connections; the next exchange opens others."""
        for connection in self._connections:
            connection.close()
        if self._tcp is not None:
            self._tcp.close()

    async def _perform(self, step: Step[object]) -> object:
        if isinstance(step, Exchange):
            async with self._turn:
                connection = self._connections[step.server]
                return await connection.exchange(step.request, step.timeout)
        raise TypeError(f"no runner performs {step!r}")

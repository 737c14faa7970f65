"""What performs the exchanges of a blocking sender: one connection for each server."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from moorline.net.sync import HttpConnection
from moorline.questdb.delivery import Exchange
from moorline.shell import sync

if TYPE_CHECKING:
    import socket

    from moorline.core.address import Address
    from moorline.core.flow import Flow, Step
    from moorline.net.tcp_sync import TcpConnection
    from moorline.questdb.sending import Sending

__all__ = ["Wires"]

R = TypeVar("R")


class Wires:
    """The connections of one sender, opened when they are needed.

    Threads may share them: an exchange by HTTP, and a flow by TCP, is whole in itself.

    Args:
        sending: What the sender knows of its servers.
    """

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        secured = sending.contexts is not None
        self._connections = [
            HttpConnection(
                one.host, one.port, partial(self._secure, one) if secured else None
            )
            for one in sending.settings.addresses
        ]
        self._tcp: TcpConnection | None = None
        if sending.line is not None:
            from moorline.net.tcp_sync import TcpConnection  # noqa: PLC0415 - for TCP

            (address,), settings = sending.settings.addresses, sending.settings
            self._tcp = TcpConnection(
                address.host, address.port, settings.bind_interface
            )
        self._turn = threading.Lock()

    def run(self, flow: Flow[R]) -> R:
        """Run a flow of `moorline.questdb.delivery`, or of `tcp`, to its end."""
        if self._tcp is not None:
            with self._turn:
                return sync.run(flow, perform=self._tcp.perform)
        return sync.run(flow, perform=self._perform)

    def close(self) -> None:
        """Close the connections; the next exchange opens others."""
        for connection in self._connections:
            connection.close()
        if self._tcp is not None:
            self._tcp.close()

    def _perform(self, step: Step[object]) -> object:
        if isinstance(step, Exchange):
            with self._turn:
                connection = self._connections[step.server]
                return connection.exchange(step.request, step.timeout)
        raise TypeError(f"no runner performs {step!r}")

    def _secure(self, address: Address, plain: socket.socket) -> socket.socket:
        contexts = self._sending.contexts
        assert contexts is not None  # noqa: S101 - without TLS nobody comes here
        try:
            return contexts.get().wrap_socket(plain, server_hostname=address.host)
        except OSError as error:
            told = self._sending.told(error, address)
            raise told from told.__cause__

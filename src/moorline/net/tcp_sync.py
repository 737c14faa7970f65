"""TCP on a blocking socket."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from moorline.net.tcp import (
    CHUNK,
    Dial,
    Drop,
    Finish,
    LocalAddressError,
    Receive,
    Send,
)

if TYPE_CHECKING:
    from moorline.core.flow import Step

__all__ = ["TcpConnection"]


class TcpConnection:
    """Performs the steps of `moorline.net.tcp` on one connection.

    Args:
        host: Name or address of the server.
        port: Its port.
        bind: The local address to connect from; "": any.
    """

    def __init__(self, host: str, port: int, bind: str = "") -> None:
        self.host = host
        self.port = port
        self._bind = bind
        self._socket: socket.socket | None = None

    def perform(self, step: Step[object]) -> object:
        """Perform a step; if it fails, the connection is closed.

        Raises:
            OSError: The network says no.
        """
        try:
            return self._perform(step)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection at once; again is no error."""
        given, self._socket = self._socket, None
        if given is not None:
            given.close()

    def _perform(self, step: Step[object]) -> object:
        result: object = None
        match step:
            case Dial(timeout):
                self._dial(time.monotonic() + timeout)
            case Send(data, timeout):
                here = self._here
                here.settimeout(timeout)
                here.sendall(data)
            case Receive(timeout):
                result = self._receive(timeout)
            case Finish():
                self._here.shutdown(socket.SHUT_WR)
            case Drop():
                self.close()
            case _:
                raise TypeError(f"no runner performs {step!r}")
        return result

    @property
    def _here(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError("the connection was closed on this side")
        return self._socket

    def _dial(self, deadline: float) -> None:
        """Try the host's addresses, each with an even share of the time."""
        self.close()
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for count, (family, kind, protocol, _, address) in enumerate(found):
            share = (deadline - time.monotonic()) / (len(found) - count)
            made = socket.socket(family, kind, protocol)
            try:
                self._prepare(made)
                made.settimeout(max(share, 0.001))
                made.connect(address)
            except OSError as error:
                made.close()
                # One that cannot begin at the local address is of the other family.
                if failure is None or not isinstance(error, LocalAddressError):
                    failure = error
            except BaseException:
                made.close()
                raise
            else:
                self._socket = made
                return
        raise failure or OSError(f"{self.host} has no address")

    def _prepare(self, made: socket.socket) -> None:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._bind:
            try:
                made.bind((self._bind, 0))
            except OSError as error:
                raise LocalAddressError(*error.args) from error

    def _receive(self, timeout: float) -> bytes | None:
        here = self._here
        here.settimeout(timeout)
        try:
            return here.recv(CHUNK)
        except (BlockingIOError, TimeoutError):
            return None

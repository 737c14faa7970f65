"""TCP on a blocking socket."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from moorline.net.tcp import CHUNK, Dial, Receive, Send
from moorline.net.tcp_base import TcpBase

if TYPE_CHECKING:
    from moorline.core.flow import Step

__all__ = ["TcpConnection"]


class TcpConnection(TcpBase):
    """Performs the steps of `moorline.net.tcp` on one connection; see `TcpBase`."""

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
            case _:
                self._at_once(step)
        return result

    def _dial(self, deadline: float) -> None:
        """Try the host's addresses, each with an even share of the time."""
        self.close()
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for attempt in self._attempts(found, deadline, time.monotonic):
            with attempt as made:
                self._prepare(made)
                made.settimeout(attempt.seconds)
                made.connect(attempt.address)

    def _receive(self, timeout: float) -> bytes | None:
        here = self._here
        here.settimeout(timeout)
        try:
            return here.recv(CHUNK)
        except (BlockingIOError, TimeoutError):
            return None

"""What both connections over TCP are made of, whoever waits for their socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from moorline.net.tcp import Drop, Finish, LocalAddressError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import TypeAlias

    from moorline.core.flow import Step

    SocketAddress: TypeAlias = (
        "tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"
    )
    # As getaddrinfo() gives it: family, type, protocol, canonical name, address.
    AddressInfo: TypeAlias = (
        "tuple[socket.AddressFamily, socket.SocketKind, int, str, SocketAddress]"
    )

__all__ = ["Attempt", "TcpBase"]

LEAST_SHARE = 0.001  # seconds; 0 would mean not to wait at all


class Attempt:
    """An attempt to connect to one address, which is made inside a ``with``.

    An `OSError` ends the attempt and is kept; all else is raised. Either closes the
    socket.

    Attributes:
        address: Where to connect to.
        seconds: How long that may take.
        failure: What went wrong, if something did.
    """

    def __init__(
        self, made: socket.socket, address: SocketAddress, seconds: float
    ) -> None:
        self.address = address
        self.seconds = seconds
        self.failure: OSError | None = None
        self._made = made

    def __enter__(self) -> socket.socket:
        return self._made

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._made.close()
        if isinstance(error, OSError):
            self.failure = error
        return self.failure is not None


class TcpBase:
    """A connection over TCP: its addresses, its socket, and what waits for nothing.

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

    def close(self) -> None:
        """Close the connection at once; again is no error."""
        given, self._socket = self._socket, None
        if given is not None:
            given.close()

    @property
    def _here(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError("the connection was closed on this side")
        return self._socket

    def _at_once(self, step: Step[object]) -> None:
        """Perform a step that waits for nothing."""
        match step:
            case Finish():
                self._here.shutdown(socket.SHUT_WR)
            case Drop():
                self.close()
            case _:
                raise TypeError(f"no runner performs {step!r}")

    def _attempts(
        self,
        found: Sequence[AddressInfo],
        deadline: float,
        clock: Callable[[], float],
    ) -> Iterator[Attempt]:
        """Yield an attempt for each address, until one of them comes to a connection.

        Each has an even share of the time that is left.

        Args:
            found: The host's addresses.
            deadline: When all of them must be done, by the clock.
            clock: Seconds that only grow.

        Raises:
            OSError: None did: the last failure, or that there is no address.
        """
        failure: OSError | None = None
        for count, (family, kind, protocol, _, address) in enumerate(found):
            share = (deadline - clock()) / (len(found) - count)
            made = socket.socket(family, kind, protocol)
            attempt = Attempt(made, address, max(share, LEAST_SHARE))
            yield attempt
            if attempt.failure is None:
                self._socket = made
                return
            # One that cannot begin at the local address is of the other family.
            if failure is None or not isinstance(attempt.failure, LocalAddressError):
                failure = attempt.failure
        raise failure or OSError(f"{self.host} has no address")

    def _prepare(self, made: socket.socket) -> None:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._bind:
            try:
                made.bind((self._bind, 0))
            except OSError as error:
                raise LocalAddressError(*error.args) from error

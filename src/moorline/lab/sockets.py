"""Sockets that listen, and such that only seem to."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, TypeAlias, cast

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Generator

    from moorline.lab.addresses import Endpoint

__all__ = ["Address", "blackhole", "bound", "resolve"]

Address: TypeAlias = tuple[str | int, ...]  # host, port; with IPv6 two more

_SYN_ANSWER = 0.2  # seconds; on one machine it comes in microseconds, or never
_QUEUE = 512  # connections; more than a backlog of 0 holds anywhere


@contextlib.contextmanager
def blackhole(host: str = "127.0.0.1") -> Generator[Endpoint]:
    """Give an address (host, port) that answers no connect: packets vanish there.

    That is a listening socket whose queue is full. A connect to it hangs until it
    times out; those that hang when the block ends are refused at their next try.

    Raises LabError if the system lets connects through nevertheless.
    """
    family, address = resolve(host, 0)
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(bound(family, address))
        listener.listen(0)
        for _ in range(_QUEUE):
            client = sockets.enter_context(socket.socket(family))
            client.settimeout(_SYN_ANSWER)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                client.close()
                break
        else:
            raise LabError("this system never drops a connect, however full the queue")
        place, port, *_ = listener.getsockname()
        yield place, port


def resolve(host: str, port: int) -> tuple[int, Address]:
    """Look up a name or an address; return its family and what its sockets take."""
    first, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return first[0], cast("Address", first[4])


def bound(family: int, address: Address) -> socket.socket:
    """Return a socket that holds a port and does not listen, so that it refuses."""
    listener = socket.socket(family)
    try:
        listener.settimeout(0)
        # As the servers do it: connections in TIME_WAIT are no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener

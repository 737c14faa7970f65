"""Clients of QuestDB for tests of the lab: Python's own HTTP, TLS and sockets."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
# What starts more servers (1.5 s each) than a person should have to wait for.
slow = pytest.mark.skipif(not os.environ.get("CI"), reason="slow: runs if CI is set")
WRITE = "/write?precision=n"


def row(number: int, table: str = "t") -> bytes:
    """Return a line of ILP whose value and time are a number."""
    return b"%s,s=a x=%di %d\n" % (table.encode(), number, number * 1_000_000_000)


def trusting(ca_file: str) -> ssl.SSLContext:
    """Trust one file and nothing else, by what the standard library does by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    return context


@contextlib.contextmanager
def http_client(
    port: int,
    *,
    host: str = HOST,
    tls: ssl.SSLContext | None = None,
    timeout: float = 5,
) -> Iterator[http.client.HTTPConnection]:
    if tls is None:
        made = http.client.HTTPConnection(host, port, timeout=timeout)
    else:
        made = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
    with contextlib.closing(made):
        yield made


def post(
    port: int,
    body: bytes,
    *,
    tls: ssl.SSLContext | None = None,
    timeout: float = 5,
    **headers: str,
) -> int:
    """Send rows over a connection of their own; return the status."""
    with http_client(port, tls=tls, timeout=timeout) as client:
        client.request("POST", WRITE, body, headers)
        answer = client.getresponse()
        answer.read()
        return answer.status


@contextlib.contextmanager
def tcp_client(
    port: int, *, host: str = HOST, tls: ssl.SSLContext | None = None
) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as sockets:
        client = sockets.enter_context(socket.create_connection((host, port), 5))
        if tls is not None:
            wrapped = tls.wrap_socket(client, server_hostname=host)
            client = sockets.enter_context(wrapped)
        yield client


def rest(client: socket.socket) -> bytes:
    """Read until the other side ends, in whatever way; return what came.

    Over TLS, Python does not tell a reset from an end.
    """
    heard = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(4096):
            heard += data
    return heard

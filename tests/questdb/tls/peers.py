"""Servers that write down what reaches them, and clients of both kinds."""

from __future__ import annotations

import asyncio
import queue
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from moorline.core.steps import Now
from moorline.lab.tls import CA_FILE, OTHER_CA_FILE, certificate, key
from moorline.net.tcp import Talk
from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.net.tcp_sync import TcpConnection
from moorline.shell import aio, sync

if TYPE_CHECKING:
    from pathlib import Path

    from moorline.core.flow import Flow

ADDRESS = "127.0.0.1"
REQUEST = b"POST /write HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\n\r\n"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
PATIENCE = 10.0
# Types of records: https://www.rfc-editor.org/rfc/rfc8446#section-5.1
CHANGE_CIPHER, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
# An encrypted alert: 2 bytes, its type, and the 16 of the cipher's tag.
SEALED_ALERT = 19

# The commands of QuestDB's documentation, and two more for a name in CN alone that an
# authority vouches for.
RECIPE = """
openssl genrsa -out recipe.key 2048
openssl req -new -x509 -key recipe.key -out recipe.pem -days 365 -subj /CN=localhost
openssl req -new -x509 -key recipe.key -out named-ca.pem -days 365 -subj /CN=authority
openssl genrsa -out named.key 2048
openssl req -new -key named.key -out named.csr -subj /CN=localhost
openssl x509 -req -in named.csr -CA named-ca.pem -CAkey recipe.key -CAcreateserial \
    -days 365 -out named.pem
"""


def recipe(folder: Path) -> None:
    """Do what the documentation says, with the openssl of this machine."""
    subprocess.run(
        ["/bin/sh", "-ec", RECIPE], cwd=folder, check=True, capture_output=True
    )


class Files(NamedTuple):
    """A folder of certificates."""

    folder: Path

    def pem(self, kind: str) -> Path:
        """Return a certificate with its chain; ``ca`` and ``other-ca`` as well."""
        known = {"ca": CA_FILE, "other-ca": OTHER_CA_FILE}
        if kind in known:
            return self.folder / known[kind]
        return certificate(self.folder, kind)

    def key(self, kind: str) -> Path:
        return key(self.folder, kind)

    def server_context(
        self, kind: str, client_ca: Path | None, newest: str
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem(kind), self.key(kind))
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        if newest:
            context.maximum_version = ssl.TLSVersion[newest]
        return context


class Heard(NamedTuple):
    """What reached a server over one connection."""

    raw: bytes
    told: bytes  # what was within TLS
    name: str | None  # as asked for in the ClientHello

    @property
    def records(self) -> list[tuple[int, int]]:
        """The records of TLS: type and length."""
        found, at = [], 0
        while at < len(self.raw):
            length = int.from_bytes(self.raw[at + 3 : at + 5], "big")
            found.append((self.raw[at], length))
            at += 5 + length
        return found

    def is_hello_and_alert(self) -> bool:
        """Tell whether it was a ClientHello and a refusal, and no more."""
        (first, _), *others = self.records
        alerts = [
            kind == ALERT or (kind, length) == (DATA, SEALED_ALERT)
            for kind, length in others
            if kind != CHANGE_CIPHER
        ]
        return first == HANDSHAKE and len(alerts) <= 1 and all(alerts)


class TlsPeer:
    """A server that answers each request in TLS, and hands on what it heard."""

    def __init__(self, context: ssl.SSLContext | None, answer: bytes = ANSWER) -> None:
        self.answer = answer
        self._context = context
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._listener = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        # Closing does not wake a thread that accepts; this does, wherever it is.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()

    def heard(self) -> Heard:
        """Return what came over the next connection that has ended."""
        return self._heard.get(timeout=PATIENCE)

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(PATIENCE)
                self._heard.put(self._talk(conn))

    def _talk(self, conn: socket.socket) -> Heard:
        """Answer; then read to the end, so that nothing stays unheard."""
        raw, told, names = bytearray(), bytearray(), [None]
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls, ended = None, False
        if self._context:
            self._context.sni_callback = lambda _, name, __: names.append(name)
            tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        with suppress(OSError):  # whoever resets has been heard as well
            while data := conn.recv(65536):
                raw += data
                incoming.write(data)
                if ended:
                    continue
                if tls is None:
                    conn.sendall(self.answer)
                    ended = True
                else:
                    ended = not self._advance(tls, told)
                    conn.sendall(outgoing.read())
                if ended:  # what the other side still has to say is heard
                    conn.shutdown(socket.SHUT_WR)
        return Heard(bytes(raw), bytes(told), names[-1])

    def _advance(self, tls: ssl.SSLObject, told: bytearray) -> bool:
        """Answer what has come; tell whether there may be more."""
        try:
            tls.do_handshake()
            while data := tls.read(65536):
                told += data
                if self.answer:
                    tls.write(self.answer)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            pass
        return False


def talk(
    context: ssl.SSLContext, port: int, host: str, timeout: float = PATIENCE
) -> bytes:
    """Send a request over a blocking socket; return the answer."""
    with (
        socket.create_connection((ADDRESS, port), timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as conn,
    ):
        conn.sendall(REQUEST)
        return conn.recv(65536)


async def talk_async(context: ssl.SSLContext, port: int, host: str) -> bytes:
    """Send a request over asyncio; return the answer."""
    reader, writer = await asyncio.open_connection(
        ADDRESS, port, ssl=context, server_hostname=host
    )
    try:
        writer.write(REQUEST)
        await writer.drain()
        return await reader.read(65536)
    finally:
        writer.close()
        await writer.wait_closed()


def talk_in_a_loop(
    context: ssl.SSLContext, port: int, host: str, timeout: float = PATIENCE
) -> bytes:
    """Do the same from where there is no loop."""
    return asyncio.run(asyncio.wait_for(talk_async(context, port, host), timeout))


def talk_in_steps(context: ssl.SSLContext, host: str, timeout: float) -> Flow[bytes]:
    """Send a request as rows are sent by TCP; return the answer."""
    conversation = Talk()
    now = yield from Now()
    yield from conversation.open(now + timeout)
    yield from conversation.secure(context, host, now + timeout)
    yield from conversation.say(REQUEST, timeout)
    return (yield from conversation.watch(timeout)) or b""


def talk_by_tcp(
    context: ssl.SSLContext, port: int, host: str, timeout: float = PATIENCE
) -> bytes:
    """Do so over the blocking connection for TCP."""
    conn = TcpConnection(ADDRESS, port)
    try:
        return sync.run(talk_in_steps(context, host, timeout), perform=conn.perform)
    finally:
        conn.close()


def talk_by_tcp_in_a_loop(
    context: ssl.SSLContext, port: int, host: str, timeout: float = PATIENCE
) -> bytes:
    """Do so over asyncio's connection for TCP."""
    conn = AsyncTcpConnection(ADDRESS, port)
    try:
        flow = talk_in_steps(context, host, timeout)
        return asyncio.run(aio.run(flow, perform=conn.perform))
    finally:
        conn.close()


WAYS = {
    "sync": talk,
    "async": talk_in_a_loop,
    "tcp sync": talk_by_tcp,
    "tcp async": talk_by_tcp_in_a_loop,
}

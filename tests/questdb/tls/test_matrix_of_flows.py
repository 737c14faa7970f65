"""Who is spoken to, and who is told nothing: by what senders use, by HTTP and TCP."""

from __future__ import annotations

import asyncio
import contextlib
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moorline.errors import IngestError
from moorline.net.aio import AsyncHttpConnection
from moorline.net.http import ExchangeError, Request
from moorline.net.sync import HttpConnection
from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.net.tcp_sync import TcpConnection
from moorline.questdb.batch import Batch
from moorline.questdb.settings import settings_of
from moorline.questdb.tcp import Line, deliver, leave
from moorline.questdb.tls import Contexts
from moorline.questdb.tls_errors import TlsError, of_exchange, translate
from moorline.shell import aio, sync
from tests.questdb.tls.peers import ADDRESS, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.settings import Settings

SPEC = Path(__file__).parents[2] / "spec" / "questdb_tls.toml"
CASES = tomllib.loads(SPEC.read_text("utf-8"))["cases"]
KEY = {"username": "kid", "token": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}
ROWS = b"trades,side=buy price=1.5\n"
REQUEST = Request("POST", "/write", {}, ROWS)


# Each sends the rows to this machine, whatever the server is called.


def by_tcp(settings: Settings, settle: float = 0.0) -> None:
    line = line_of(settings, settle)
    conn = TcpConnection(ADDRESS, settings.addresses[0].port)
    try:
        sync.run(deliver(Batch(ROWS, 1), line), perform=conn.perform)
        sync.run(leave(line), perform=conn.perform)
    finally:
        conn.close()


def by_tcp_in_a_loop(settings: Settings, settle: float = 0.0) -> None:
    async def run() -> None:
        line = line_of(settings, settle)
        conn = AsyncTcpConnection(ADDRESS, settings.addresses[0].port)
        try:
            await aio.run(deliver(Batch(ROWS, 1), line), perform=conn.perform)
            await aio.run(leave(line), perform=conn.perform)
        finally:
            conn.close()

    asyncio.run(run())


def line_of(settings: Settings, settle: float) -> Line:
    line = Line.of(settings, Contexts(settings.tls) if settings.tls else None)
    line.settle = settle
    return line


def by_http(settings: Settings, _: float = 0.0) -> None:
    (address,) = settings.addresses
    contexts = Contexts(settings.tls) if settings.tls else None

    def secure(plain: Any) -> Any:
        assert contexts is not None
        return contexts.get().wrap_socket(plain, server_hostname=address.host)

    conn = HttpConnection(ADDRESS, address.port, secure if contexts else None)
    try:
        conn.exchange(REQUEST, PATIENCE)
    except OSError as error:
        raise told(error, settings, contexts) from error
    except ExchangeError as error:
        raise of_exchange(error, address, settings.protocol) or error from error
    finally:
        conn.close()


def by_http_in_a_loop(settings: Settings, _: float = 0.0) -> None:
    (address,) = settings.addresses
    contexts = Contexts(settings.tls) if settings.tls else None
    # asyncio verifies the host that it dials.
    conn = AsyncHttpConnection(
        address.host,
        address.port,
        contexts.get if contexts else None,
        lambda error: told(error, settings, contexts),
    )

    async def run() -> None:
        try:
            await conn.exchange(REQUEST, PATIENCE)
        finally:
            streams = conn._streams
            conn.close()
            if streams is not None:
                with contextlib.suppress(OSError):  # the peer may answer twice
                    await streams[1].wait_closed()

    try:
        asyncio.run(run())
    except ExchangeError as error:
        raise of_exchange(error, address, settings.protocol) or error from error


def told(error: Exception, settings: Settings, contexts: Contexts | None) -> TlsError:
    (address,) = settings.addresses
    trusted = contexts.trusted if contexts else ()
    return translate(error, address, settings, now=datetime.now(UTC), trusted=trusted)


FLOWS: dict[tuple[str, str], Callable[..., None]] = {
    ("http", "sync"): by_http,
    ("http", "async"): by_http_in_a_loop,
    ("tcp", "sync"): by_tcp,
    ("tcp", "async"): by_tcp_in_a_loop,
}


PAIRS = [
    pytest.param(way, case, id=f"{' '.join(way)} - {case['name']}")
    for way in FLOWS
    for case in CASES
    # asyncio's streams would look other names up.
    if way != ("http", "async") or case.get("host", ADDRESS) in {"localhost", ADDRESS}
]


@pytest.mark.parametrize(("way", "case"), PAIRS)
def test_who_is_trusted(way, case, present, files, tmp_path):
    (protocol, _), send = way, FLOWS[way]
    host = case.get("host", "localhost")
    peer = present(case["presented"])
    if protocol == "tcp":
        peer.answer = b""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(b"".join(files.pem(one).read_bytes() for one in case["roots"]))
    settings = settings_of(
        f"{protocol}s", {"addr": f"{host}:{peer.port}", "tls_roots": roots}
    )
    if "kind" not in case:
        send(settings)
        assert peer.heard().told.endswith(ROWS)
        return
    with pytest.raises(TlsError) as raised:
        send(settings)
    assert (raised.value.kind, raised.value.passing) == (case["kind"], False)
    text = str(raised.value)
    assert text.startswith(f"{protocol}s://{host}:{peer.port}: ")
    for words in case.get("says", ()):
        assert words in text
    assert peer.heard().told == b""


@pytest.mark.parametrize("way", FLOWS, ids=" ".join)
def test_plain_to_a_server_with_tls(way, present):
    (protocol, _), send = way, FLOWS[way]
    peer = present("good")
    settings = settings_of(protocol, {"addr": f"localhost:{peer.port}"})
    with pytest.raises((TlsError, IngestError)) as raised:
        send(settings, PATIENCE)
    assert f"rite {protocol}s" in str(raised.value)
    assert peer.heard().told == b""


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("key", [{}, KEY], ids=["no key", "a key"])
@pytest.mark.parametrize("send", [by_tcp, by_tcp_in_a_loop])
def test_rows_to_a_server_that_wants_a_certificate(send, key, newest, present, files):
    """With TLS 1.3 it says so when the client has long begun to send."""
    ca = files.pem("ca")
    peer = present("good", client_ca=ca, newest=newest)
    address = f"localhost:{peer.port}"
    settings = settings_of("tcps", {"addr": address, "tls_roots": ca, **key})
    with pytest.raises(TlsError) as raised:
        send(settings, PATIENCE)
    assert raised.value.kind == "client-certificate"
    assert peer.heard().told == b""

"""Who is spoken to, and who is told nothing: by sockets and by asyncio."""

from __future__ import annotations

import socket
import ssl
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moorline.core.address import Address
from moorline.questdb.settings import settings_of
from moorline.questdb.tls import Contexts
from moorline.questdb.tls_errors import translate
from tests.questdb.tls.peers import ANSWER, REQUEST, WAYS, TlsPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.questdb.settings import Settings
    from moorline.questdb.tls_errors import TlsError
    from tests.questdb.tls.peers import Files

SPEC = Path(__file__).parents[2] / "spec" / "questdb_tls.toml"
CASES = tomllib.loads(SPEC.read_text("utf-8"))["cases"]
TLS = ["https", "tcps"]


def settings(port: int, host: str = "localhost", **options: Any) -> Settings:
    protocol = options.pop("protocol", "https")
    return settings_of(protocol, {"addr": f"{host}:{port}", **options})


def attempt(way: str, wanted: Settings, **more: Any) -> bytes | TlsError:
    """Connect as the settings say, and send a request; an error is translated."""
    assert wanted.tls is not None
    contexts = Contexts(wanted.tls)
    (address,) = wanted.addresses
    try:
        return WAYS[way](contexts.get(), address.port, address.host, **more)
    except OSError as error:
        return translate(
            error,
            address,
            wanted,
            now=datetime.now(UTC),
            trusted=contexts.trusted,
        )


@pytest.fixture
def bundle(tmp_path: Path, files: Files) -> Callable[[list[str]], Path]:
    """Put several certificates into one file."""

    def write(kinds: list[str]) -> Path:
        roots = tmp_path / "roots.pem"
        roots.write_bytes(b"".join(files.pem(kind).read_bytes() for kind in kinds))
        return roots

    return write


@pytest.mark.parametrize("protocol", TLS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_who_is_trusted(case, way, protocol, present, bundle):
    peer = present(case["presented"])
    host = case.get("host", "localhost")
    roots = bundle(case["roots"])

    found = attempt(way, settings(peer.port, host, protocol=protocol, tls_roots=roots))

    heard = peer.heard()
    if "kind" not in case:
        assert (found, heard.told) == (ANSWER, REQUEST)
        return
    assert heard.told == b""
    assert isinstance(found, ssl.SSLError)
    text = str(found)
    assert text.startswith(f"{protocol}://{host}:{peer.port}: ")
    assert (found.kind, found.passing) == (case["kind"], False)
    for words in case.get("says", ()):
        assert words in text
    assert heard.is_hello_and_alert() or case.get("shakes_hands")


def test_the_name_is_told_in_the_hello_and_an_address_is_not(present, files):
    peer = present("good")
    for host, name in (("localhost", "localhost"), ("127.0.0.1", None)):
        wanted = settings(peer.port, host, tls_roots=files.pem("ca"))
        assert attempt("sync", wanted) == ANSWER
        assert peer.heard().name == name


@pytest.fixture
def plain() -> Iterator[Callable[[bytes], TlsPeer]]:
    peers: list[TlsPeer] = []

    def start(answer: bytes) -> TlsPeer:
        peers.append(TlsPeer(None, answer))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("protocol", "speaks"), [("https", "plain HTTP"), ("tcps", "plain ILP")]
)
def test_a_server_that_answers_tls_in_clear(way, protocol, speaks, plain, files):
    peer = plain(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    wanted = settings(peer.port, protocol=protocol, tls_roots=files.pem("ca"))

    found = attempt(way, wanted)

    assert (found.kind, found.passing) == ("plain-server", False)
    assert speaks in str(found)
    assert f"or write {protocol[:-1]} instead" in str(found)
    assert peer.heard().is_hello_and_alert()


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_hangs_up_on_tls(way, plain, files):
    peer = plain(b"")

    found = attempt(way, settings(peer.port, tls_roots=files.pem("ca")))

    assert (found.kind, found.passing) == ("broken-off", True)
    assert "Does it speak plain HTTP?" in str(found)
    assert peer.heard().is_hello_and_alert()


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_silent(way, files):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts
        wanted = settings(silent.getsockname()[1], tls_roots=files.pem("ca"))
        found = attempt(way, wanted, timeout=0.05)

    assert (found.kind, found.passing) == ("silent", True)
    assert "wait for plain HTTP?" in str(found)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_listens(way, files):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    found = attempt(way, settings(port, tls_roots=files.pem("ca")))

    assert (found.kind, found.passing) == ("refused-connection", True)
    assert "9000 for HTTP and 9009 for TCP" in str(found)


# --- versions, and certificates of clients -----------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_an_old_version_of_tls_is_refused(way, present, files):
    peer = present("good", newest="TLSv1_2")
    ca = files.pem("ca")

    assert attempt(way, settings(peer.port, tls_roots=ca)) == ANSWER
    found = attempt(way, settings(peer.port, tls_roots=ca, tls_min_version="1.3"))

    assert found.kind == "version"
    assert "tls_min_version is 1.3" in str(found)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_the_client_shows_its_certificate_to_a_server_that_asks(
    way, newest, present, files
):
    peer = present("good", client_ca=files.pem("ca"), newest=newest)
    own = {
        "tls_client_cert": files.pem("client"),
        "tls_client_key": files.key("client"),
    }

    assert attempt(way, settings(peer.port, tls_roots=files.pem("ca"), **own)) == ANSWER
    assert peer.heard().told == REQUEST


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_a_client_without_the_certificate_that_is_asked_for(
    way, newest, present, files
):
    peer = present("good", client_ca=files.pem("ca"), newest=newest)

    found = attempt(way, settings(peer.port, tls_roots=files.pem("ca")))

    assert found.kind == "client-certificate"
    assert "Give one: tls_client_cert=<file>" in str(found)


@pytest.mark.parametrize("way", WAYS)
def test_a_client_with_a_certificate_that_the_server_does_not_take(way, present, files):
    peer = present("good", client_ca=files.pem("other-ca"))
    own = {
        "tls_client_cert": files.pem("client"),
        "tls_client_key": files.key("client"),
    }

    found = attempt(way, settings(peer.port, tls_roots=files.pem("ca"), **own))

    assert found.kind == "client-certificate"
    assert f"tls_client_cert='{files.pem('client')}'" in str(found)
    assert "unknown ca" in str(found)


# --- unverified ---------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_unsafe_off_takes_anyone_and_warns_each_time(way, present, caplog):
    peer = present("wrong-name")
    wanted = settings(peer.port, tls_verify="unsafe_off", allow_insecure_tls=True)
    for count in (1, 2):
        assert attempt(way, wanted) == ANSWER
        warnings = [r for r in caplog.records if r.levelname == "WARNING"]
        assert len(warnings) == count
        assert "the server is not verified" in warnings[-1].getMessage()


def test_an_address_with_brackets_is_written_as_such(files):
    (address,) = settings(9, "[::1]", tls_roots=files.pem("ca")).addresses
    assert (address, str(address)) == (Address("::1", 9), "[::1]:9")

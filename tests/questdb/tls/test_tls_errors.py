"""What is said of failures that no server here brings about, and of plain protocols."""

from __future__ import annotations

import copy
import pickle
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from moorline import errors
from moorline.core.address import Address
from moorline.net.http import ExchangeError
from moorline.questdb.handshake import RefusedError
from moorline.questdb.roots import read
from moorline.questdb.settings import settings_of
from moorline.questdb.tls_errors import (
    TlsError,
    answered_in_tls,
    closed_without_answer,
    of_exchange,
    speaks_tls,
    translate,
)
from moorline.questdb.tls_refusals import described
from tests.questdb.tls.peers import REQUEST

HERE = Address("localhost", 9000)
NOW = datetime.now(UTC) + timedelta(hours=1)  # the certificates are made later


def said(error, now=NOW, trusted=(), **options):
    settings = settings_of("https", {"addr": "localhost", **options})
    return translate(error, HERE, settings, now=now, trusted=trusted)


def failure(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def ders(files, *kinds):
    return tuple(
        one.der for kind in kinds for one in read(str(files.pem(kind)), "", NOW)
    )


@pytest.mark.parametrize(
    ("error", "kind", "passing", "says"),
    [
        (ConnectionResetError(104, "reset"), "broken-off", True, "closed the conn"),
        (ssl.SSLZeroReturnError(6, "closed"), "broken-off", True, "closed the conn"),
        (failure("UNEXPECTED_EOF_WHILE_READING"), "broken-off", True, "plain HTTP?"),
        (failure("HTTP_REQUEST"), "plain-server", False, "not in TLS"),
        (failure("RECORD_LAYER_FAILURE"), "plain-server", False, "not in TLS"),
        (failure("TLSV1_UNRECOGNIZED_NAME"), "wrong-host", False, "for localhost"),
        (
            failure("SSLV3_ALERT_HANDSHAKE_FAILURE"),
            "client-certificate",
            False,
            "wants",
        ),
        (failure("LIBRARY_BUG"), "failed", False, "TLS failed: LIBRARY_BUG"),
        (ssl.SSLError("odd"), "failed", False, "odd"),
        (OSError(113, "No route to host"), "failed", False, "No route to host"),
    ],
)
def test_failures_without_a_certificate(error, kind, passing, says):
    found = said(error)
    assert (found.kind, found.passing) == (kind, passing)
    assert str(found).startswith("https://localhost:9000: ")
    assert says in str(found)


def test_a_client_that_shows_a_certificate_and_agrees_on_nothing():
    found = said(failure("SSLV3_ALERT_HANDSHAKE_FAILURE"), tls_client_cert="/c.pem")
    assert found.kind == "no-agreement"
    assert "tls_client_cert='/c.pem'" in str(found)


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (20, "unknown-authority", "by nobody whom tls_ca=webpki_and_os_roots trusts"),
        (19, "unknown-authority", "by nobody whom"),
        (62, "wrong-host", "not for localhost: it is for another host"),
        (10, "expired", "a certificate of the server, or one that signed it, has expi"),
        (9, "not-yet-valid", "or one that signed it, is not valid yet"),
        (18, "self-signed", "signed by itself"),
        (88, "refused", "was refused: words of OpenSSL."),
    ],
)
def test_certificates_that_could_not_be_looked_at(code, kind, says):
    for error in (RefusedError.of(code, "words of OpenSSL", (b"?",)), plain(code)):
        found = said(error)
        assert found.kind == kind
        assert says in str(found)
        assert "It presented" not in str(found)


def plain(code):
    """Return the error as Python raises it."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "words of OpenSSL"
    return error


def test_an_authority_that_was_made_anew(files):
    """The same name and another key, as after a new start of a test setup."""
    chain = ders(files, "good")
    (trusted,) = read(str(files.pem("ca")), "", NOW)
    found = said(RefusedError.of(20, "", chain), trusted=(trusted,), tls_roots="/r")
    assert "tls_roots='/r' has an authority of that name, but with another key" in str(
        found
    )


def test_a_chain_that_ends_in_an_unknown_root(files):
    found = said(RefusedError.of(19, "", ders(files, "chain", "ca")))
    assert ", O=trustme" in str(found)
    assert "tls_ca=webpki_and_os_roots does not trust" in str(found)
    assert "intermediate" not in str(found)


def test_a_trusted_certificate_that_has_expired_since(files):
    trusted = read(str(files.pem("recipe")), "", NOW)
    later = trusted[0].ends + timedelta(days=3, hours=1)
    chain = ders(files, "good")
    found = said(RefusedError.of(10, "", chain), now=later, trusted=trusted)
    assert "certificate of CN=localhost expired on" in str(found)
    assert "3 days ago" in str(found)


def test_long_lists_of_names_are_cut(files):
    (one,) = read(str(files.pem("good")), "", NOW)
    many = one._replace(names=tuple(f"h{n}.example" for n in range(9)), addresses=())
    assert "h4.example and 4 more, signed by" in described(many)


# --- the error itself ---------------------------------------------------------------


def test_except_clauses_of_both_trees_catch_it():
    for base in (errors.TlsError, errors.MoorlineError, ssl.SSLError, OSError):
        assert issubclass(TlsError, base)


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])  # noqa: S301
@pytest.mark.parametrize("cls", [TlsError, errors.TlsError])
def test_it_survives_pickling_and_copying(cls, again):
    twin = again(cls("words", kind="silent", passing=True))
    assert type(twin) is cls
    assert (str(twin), twin.kind, twin.passing) == ("words", "silent", True)


def test_a_password_is_in_no_error():
    found = said(failure("HTTP_REQUEST"), username="admin", password="hush")
    assert "hush" not in f"{found}{found!r}"


# --- plain to a server with TLS -----------------------------------------------------


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (bytes.fromhex("15030100020246"), True),  # an alert
        (bytes.fromhex("1603030051"), True),  # a handshake
        (b"HTTP/1.1 400", False),
        (b"", False),
        (b"\x15", False),
        (b"\x15\x02", False),
        (b"\x17\x03\x03", False),
    ],
)
def test_the_first_bytes_tell_tls(first, expected):
    assert speaks_tls(first) == expected


@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_plain_to_tls(protocol, present):
    """OpenSSL answers ILP with an alert, and HTTP with nothing: both are told."""
    peer = present("good")
    sent = REQUEST if protocol == "http" else b"trades,symbol=BTC price=1.0\n"
    address = Address("localhost", peer.port)
    with socket.create_connection(("127.0.0.1", peer.port), 10) as conn:
        conn.sendall(sent)
        first = conn.recv(64)

    if speaks_tls(first):
        found = answered_in_tls(address, protocol)
        assert (found.kind, found.passing) == ("tls-server", False)
        assert "the server speaks TLS here" in str(found)
    else:
        assert first == b""
        found = closed_without_answer(address, protocol)
        assert (found.kind, found.passing) == ("tls-server-perhaps", True)
        assert "it may speak TLS here" in str(found)
    assert re.search(rf"\bwrite {protocol}s instead", str(found), re.IGNORECASE)


@pytest.mark.parametrize(
    ("stage", "cause", "heard", "kind"),
    [
        (
            "receive",
            ValueError("no HTTP"),
            bytes.fromhex("15030100020246"),
            "tls-server",
        ),
        ("receive", ValueError("no HTTP"), b"SSH-2.0", None),
        ("receive", ConnectionResetError(104, "reset"), b"", "tls-server-perhaps"),
        ("send", BrokenPipeError(32, "broken"), b"", "tls-server-perhaps"),
        ("receive", TimeoutError("timed out"), b"", None),
        ("connect", ConnectionRefusedError(111, "refused"), b"", None),
        ("connect", ConnectionResetError(104, "reset"), b"", None),
    ],
)
def test_an_exchange_without_an_answer(stage, cause, heard, kind):
    error = ExchangeError(stage, cause, heard)
    found = of_exchange(error, HERE, "http")
    assert (found and found.kind) == kind
    assert found is None or found.passing == (kind == "tls-server-perhaps")
    assert found is None or "write https instead" in str(found).lower()
    assert of_exchange(error, HERE, "https") is None

"""Contexts: who is trusted without a file, and what happens when a file changes."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from moorline.errors import ConfigError
from moorline.questdb.handshake import Context, may_be_named_by
from moorline.questdb.settings import settings_from_conf
from moorline.questdb.tls import Contexts, context_for
from tests.questdb.tls.peers import ANSWER, TlsPeer, talk


def settings_for(protocol="https", **said):
    text = "".join(f"{key}={value};" for key, value in said.items())
    return settings_from_conf(f"{protocol}::addr=a;{text}")


def contexts_of(**said):
    tls = settings_for(**said).tls
    assert tls is not None
    return Contexts(tls)


@pytest.fixture
def no_os_roots(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Say which file this machine trusts, beside what is in a folder."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return lambda path: monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def no_certifi(monkeypatch):
    monkeypatch.setitem(sys.modules, "certifi", None)


def is_answered(context, present):
    try:
        return talk(context, present("good").port, "localhost") == ANSWER
    except ssl.SSLCertVerificationError:
        return False


# --- authorities --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ca", "trusted"),
    [
        ("os_roots", True),
        ("webpki_and_os_roots", True),
        ("webpki_roots", False),
    ],
)
def test_an_authority_that_this_machine_trusts(ca, trusted, files, present, machine):
    machine(files.pem("ca"))
    assert is_answered(context_for(settings_for(tls_ca=ca)), present) == trusted


@pytest.mark.usefixtures("no_certifi")
@pytest.mark.parametrize("ca", ["os_roots", "webpki_and_os_roots"])
def test_an_authority_in_the_folder_that_this_machine_trusts(
    ca, files, present, machine, tmp_path
):
    hashed = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", files.pem("ca")],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (tmp_path / f"{hashed}.0").write_bytes(files.pem("ca").read_bytes())
    machine(tmp_path / "none.pem")
    assert is_answered(context_for(settings_for(tls_ca=ca)), present)


def test_mozillas_list_counts_for_both_and_for_itself(no_os_roots):
    sizes = {
        ca: context_for(settings_for(tls_ca=ca)).cert_store_stats()["x509"]
        for ca in ("webpki_roots", "webpki_and_os_roots")
    }
    assert sizes["webpki_roots"] == sizes["webpki_and_os_roots"] > 100


def test_one_of_two_lists_may_be_missing(no_os_roots, caplog):
    caplog.set_level(logging.INFO)
    context_for(settings_for())
    assert "tls_ca=webpki_and_os_roots: this machine has no list" in caplog.text
    assert "the other list is used alone" in caplog.text


def test_the_other_of_two_lists_may_be_missing(no_certifi, files, present, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(files.pem("ca")))
    assert is_answered(context_for(settings_for()), present)


@pytest.mark.parametrize("broken", ["missing", "garbage", "empty"])
def test_a_broken_list_of_this_machine_breaks_only_itself(
    broken, no_os_roots, tmp_path
):
    if broken != "missing":
        (tmp_path / "none.pem").write_text("x" if broken == "garbage" else "")
    context_for(settings_for())
    with pytest.raises(ConfigError) as raised:
        context_for(settings_for(tls_ca="os_roots"))
    assert "tls_ca=os_roots: nobody is trusted" in str(raised.value)
    assert f"SSL_CERT_FILE='{tmp_path / 'none.pem'}'" in str(raised.value)


def test_mozillas_list_is_missing(no_certifi):
    with pytest.raises(
        ConfigError, match=r"tls_ca=webpki_roots: .* pip install certifi"
    ):
        context_for(settings_for(tls_ca="webpki_roots"))


def test_both_lists_are_missing(no_certifi, no_os_roots):
    with pytest.raises(ConfigError) as raised:
        context_for(settings_for())
    for words in ("nobody is trusted", "certifi", "this machine", "tls_roots"):
        assert words in str(raised.value)


# --- what a context is like ---------------------------------------------------------


def test_what_is_decided_for_all_versions_of_python(files):
    for said in ({}, {"tls_roots": files.pem("ca")}):
        context = context_for(settings_for(**said))
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(("protocol", "asked"), [("https", "http/1.1"), ("tcps", None)])
def test_a_proxy_is_asked_for_the_http_that_is_spoken(protocol, asked, files):
    offered = files.server_context("good", None, "")
    offered.set_alpn_protocols(["h2", "http/1.1"])
    peer = TlsPeer(offered)
    context = context_for(settings_for(protocol, tls_roots=files.pem("ca")))
    try:
        with (
            socket.create_connection(("127.0.0.1", peer.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as conn,
        ):
            assert conn.selected_alpn_protocol() == asked
    finally:
        peer.close()


def test_a_common_name_counts_for_no_list_of_authorities():
    assert not context_for(settings_for()).hostname_checks_common_name


def test_what_the_recipe_would_fail_is_off(files, present):
    """So the flag decides something; OpenSSL counts a missing key usage as strict."""
    context = context_for(settings_for(tls_roots=files.pem("named-ca")))
    context.hostname_checks_common_name = True
    assert isinstance(context, Context)
    context.pinned |= {ssl.PEM_cert_to_DER_cert(files.pem("named").read_text())}
    port = present("named").port
    assert talk(context, port, "localhost") == ANSWER
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(context, port, "localhost")


def test_only_certificates_without_a_name_are_pinned(files):
    for kind, count in (("good", 0), ("self-signed", 0), ("recipe", 1)):
        context = context_for(settings_for(tls_roots=files.pem(kind)))
        assert isinstance(context, Context)
        assert len(context.pinned) == count
        assert context.hostname_checks_common_name == bool(count)


@pytest.mark.parametrize(
    ("leaf", "host", "pinned", "expected"),
    [
        ("recipe", "localhost", True, True),
        ("recipe", "localhost", False, False),
        ("recipe", "127.0.0.1", False, True),  # OpenSSL found it among addresses
        ("recipe", "::1", False, True),
        ("good", "localhost", False, True),
        (None, "localhost", False, False),
    ],
)
def test_whose_common_name_counts(files, leaf, host, pinned, expected):
    der = ssl.PEM_cert_to_DER_cert(files.pem(leaf).read_text()) if leaf else b"?"
    found = may_be_named_by(der, host, frozenset({der} if pinned else ()))
    assert found == expected


# --- certificates of the client -----------------------------------------------------


def client_complaint(files, **said):
    with pytest.raises(ConfigError) as raised:
        context_for(settings_for(tls_roots=files.pem("ca"), **said))
    return str(raised.value)


def test_certificate_and_key_may_share_a_file(files, tmp_path):
    both = tmp_path / "both.pem"
    parts = (files.key("client"), files.pem("client"))
    both.write_bytes(b"".join(one.read_bytes() for one in parts))
    context_for(settings_for(tls_roots=files.pem("ca"), tls_client_cert=both))


def test_no_client_certificate(files, tmp_path):
    text = client_complaint(files, tls_client_cert=tmp_path / "none.pem")
    assert f"tls_client_cert='{tmp_path / 'none.pem'}': there is no such file" in text


def test_no_client_key(files, tmp_path):
    pair = {"tls_client_cert": files.pem("client"), "tls_client_key": tmp_path / "k"}
    assert "tls_client_key=" in client_complaint(files, **pair)


def test_no_key_beside_the_client_certificate(files):
    text = client_complaint(files, tls_client_cert=files.pem("client"))
    assert "there is no private key in PEM in it" in text


def test_a_key_of_another_certificate(files):
    text = client_complaint(
        files, tls_client_cert=files.pem("client"), tls_client_key=files.key("good")
    )
    assert "the key does not belong to the certificate" in text


def test_a_key_with_a_password_asks_nobody(files, tmp_path):
    sealed = tmp_path / "sealed.pem"
    subprocess.run(
        [
            *("openssl", "pkey", "-in", files.key("client")),
            *("-aes256", "-passout", "pass:x", "-out", sealed),
        ],
        check=True,
        capture_output=True,
    )
    text = client_complaint(
        files, tls_client_cert=files.pem("client"), tls_client_key=sealed
    )
    assert "take the password off: openssl pkey" in text


def test_an_expired_client_certificate(files):
    text = client_complaint(
        files, tls_client_cert=files.pem("expired"), tls_client_key=files.key("expired")
    )
    assert "tls_client_cert=" in text
    assert "has expired" in text


# --- files that change --------------------------------------------------------------


@pytest.fixture
def roots(tmp_path):
    return tmp_path / "roots.pem"


def replace(path, content):
    """Replace a file as careful programs do: at once, by another one."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)  # noqa: PTH105 - the name of the call


def test_a_rotated_file_is_read_for_the_next_connection(files, roots, present, caplog):
    caplog.set_level(logging.INFO)
    replace(roots, files.pem("other-ca").read_bytes())
    contexts = contexts_of(tls_roots=roots)
    assert not is_answered(contexts.get(), present)
    assert contexts.get() is contexts.get()

    replace(roots, files.pem("ca").read_bytes())

    assert is_answered(contexts.get(), present)
    assert "the files of TLS have changed" in caplog.text
    assert contexts.trusted[0].der in ssl.PEM_cert_to_DER_cert(
        files.pem("ca").read_text()
    )


@pytest.mark.parametrize("damage", [b"", b"half", None, "expired"])
def test_a_damaged_file_is_warned_of_and_the_last_one_used(
    files, roots, present, damage, caplog
):
    replace(roots, files.pem("ca").read_bytes())
    contexts = contexts_of(tls_roots=roots)

    if damage is None:
        roots.unlink()
    else:
        content = files.pem(damage).read_bytes() if damage == "expired" else damage
        replace(roots, content)

    for _ in range(2):
        assert is_answered(contexts.get(), present)
    [warning] = [r for r in caplog.records if r.levelname == "WARNING"]
    assert warning.getMessage().startswith(f"tls_roots='{roots}': ")
    assert warning.getMessage().endswith("; what it held before is used")

    replace(roots, files.pem("other-ca").read_bytes())
    assert not is_answered(contexts.get(), present)


def test_a_rotated_client_certificate_is_read(files, roots, present):
    own = roots.with_name("own.pem")

    def put(kind):
        parts = (files.key(kind), files.pem(kind))
        replace(own, b"".join(one.read_bytes() for one in parts))

    peer = present("good", client_ca=files.pem("ca"))
    put("recipe")
    contexts = contexts_of(tls_roots=files.pem("ca"), tls_client_cert=own)
    with pytest.raises(ssl.SSLError):
        talk(contexts.get(), peer.port, "localhost")

    put("client")

    assert talk(contexts.get(), peer.port, "localhost") == ANSWER


def test_the_clock_decides_what_has_expired(files):
    wanted = settings_for(tls_roots=files.pem("expired")).tls
    assert wanted is not None
    with pytest.raises(ConfigError, match="has expired") as raised:
        Contexts(wanted)
    assert "tls_roots" in str(raised.value)
    before = datetime.now(UTC) - timedelta(days=500)
    assert Contexts(wanted, clock=lambda: before).trusted[0].ends < datetime.now(UTC)


# --- in threads ---------------------------------------------------------------------


def test_files_are_read_when_it_is_said(files, tmp_path):
    roots = tmp_path / "roots.pem"
    contexts = Contexts(settings_for(tls_roots=roots).tls, at_once=False)
    assert contexts.trusted == ()
    with pytest.raises(ConfigError, match="there is no such file"):
        contexts.prepare()
    with pytest.raises(ConfigError, match="there is no such file"):
        contexts.get()  # nothing was ever read that could be used on
    roots.write_bytes(files.pem("ca").read_bytes())
    contexts.prepare()
    assert len(contexts.trusted) == 1


def test_threads_that_come_at_once_read_the_files_once(files, monkeypatch):
    made = []
    make = Contexts._make
    monkeypatch.setattr(Contexts, "_make", lambda self: made.append(1) or make(self))
    contexts = Contexts(settings_for(tls_roots=files.pem("ca")).tls, at_once=False)
    together = threading.Barrier(8)

    def get(_):
        together.wait(10)
        return contexts.get()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(get, range(8)))
    assert len(set(map(id, found))) == len(made) == 1

"""Certificates of every kind, as Python's own TLS judges them."""

from __future__ import annotations

import re
import socket
import ssl
import sys

import pytest

from moorline.lab import LabError, questdb_certificates
from moorline.lab.questdb_certificates import CERTIFICATES
from moorline.lab.tls import key
from tests.lab.questdb_client import (
    HOST,
    http_client,
    post,
    rest,
    row,
    tcp_client,
    trusting,
)

# What Python says to a certificate when it trusts the lab's authority: None is trust.
BY_AUTHORITY = {
    "good": None,
    "wrong-name": "certificate is not valid for|doesn't match",
    "expired": "certificate has expired",
    "not-yet-valid": "certificate is not yet valid",
    "self-signed": "self.signed certificate",
    "openssl": "self.signed certificate",
    "chain": None,
    "broken-chain": "unable to get local issuer certificate",
}
PORTS = ("https_port", "tcps_port")


def complaint(port, context, host="localhost", address=HOST):
    """Shake hands; return what stands against it, None if nothing does."""
    with socket.create_connection((address, port), 5) as client:
        try:
            context.wrap_socket(client, server_hostname=host).close()
        except ssl.SSLCertVerificationError as error:
            return str(error)
    return None


def test_no_kind_is_without_its_verdict():
    assert set(BY_AUTHORITY) == set(CERTIFICATES)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("kind", CERTIFICATES)
def test_certificates_are_what_they_are_called(questdb_lab, kind, port):
    questdb_lab.front.present(kind)
    found = complaint(getattr(questdb_lab, port), trusting(questdb_lab.ca_file))
    expected = BY_AUTHORITY[kind]
    assert found is None if expected is None else re.search(expected, str(found))


@pytest.mark.parametrize("kind", ["self-signed", "openssl"])
def test_a_self_signed_certificate_can_be_trusted_itself(questdb_lab, kind):
    questdb_lab.front.present(kind)
    own = trusting(questdb_lab.cert_file(kind))
    assert complaint(questdb_lab.https_port, own) is None
    by_address = complaint(questdb_lab.https_port, own, host=HOST)
    if kind == "self-signed":
        assert by_address is None
    else:  # it has no name but the common one, "localhost"
        assert "IP address mismatch" in by_address


def test_the_recipe_of_openssl_is_imitated(questdb_lab):
    from cryptography import x509  # noqa: PLC0415

    with open(questdb_lab.cert_file("openssl"), "rb") as file:  # noqa: PTH123
        found = x509.load_pem_x509_certificate(file.read())
    assert found.subject == found.issuer
    assert found.subject.rfc4514_string() == "CN=localhost"
    constraints = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca
    with pytest.raises(x509.ExtensionNotFound):
        found.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_broken_chain_lacks_just_the_intermediate(questdb_lab):
    questdb_lab.front.present("broken-chain")
    context = trusting(questdb_lab.ca_file)
    context.load_verify_locations(questdb_lab.intermediate_file)
    assert complaint(questdb_lab.https_port, context) is None


def test_there_is_an_authority_that_signed_nothing(questdb_lab):
    found = complaint(questdb_lab.https_port, trusting(questdb_lab.other_ca_file))
    assert "unable to get local issuer certificate" in found


@pytest.mark.parametrize("host", ["localhost", HOST])
def test_rows_by_https_are_read_by_sql(questdb_lab, host):
    tls = trusting(questdb_lab.ca_file)
    with http_client(questdb_lab.https_port, host=host, tls=tls) as client:
        client.request("POST", "/write", row(1))
        assert client.getresponse().status == 204
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.requests[0].tls == "TLSv1.3"


def test_rows_by_tcps_are_read_by_sql(questdb_lab):
    tls = trusting(questdb_lab.ca_file)
    with tcp_client(questdb_lab.tcps_port, host="localhost", tls=tls) as client:
        client.sendall(row(1) + row(2))
        questdb_lab.wait_rows("t", 2)
    questdb_lab.front.wait_connections(0)
    (stream,) = questdb_lab.streams
    assert (stream.tls, stream.received) == ("TLSv1.3", row(1) + row(2))
    assert stream.ended


def test_ipv6_has_a_front_of_its_own(questdb_lab):
    try:
        front = questdb_lab.add_front("::1")
    except OSError:
        pytest.skip("this machine has no ::1")
    found = complaint(
        front.https_port, trusting(questdb_lab.ca_file), host="::1", address="::1"
    )
    assert found is None


def test_a_client_can_be_asked_for_its_certificate(questdb_lab):
    questdb_lab.front.present(ask_client=True)
    tls = trusting(questdb_lab.ca_file)
    # With TLS 1.3 the client learns of it when it reads.
    with pytest.raises(OSError, match=r"(?i)certificate required|reset|EOF|abort"):
        post(questdb_lab.https_port, row(1), tls=tls)
    assert questdb_lab.requests == ()
    tls.load_cert_chain(questdb_lab.client_cert_file, questdb_lab.client_key_file)
    assert post(questdb_lab.https_port, row(1), tls=tls) == 204
    assert questdb_lab.requests[0].client == "client.example"


def test_the_newest_version_of_tls_can_be_limited(questdb_lab):
    questdb_lab.front.present(newest=ssl.TLSVersion.TLSv1_2)
    tls = trusting(questdb_lab.ca_file)
    assert post(questdb_lab.https_port, row(1), tls=tls) == 204
    assert questdb_lab.requests[0].tls == "TLSv1.2"
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        post(questdb_lab.https_port, row(1), tls=tls)


def test_what_is_open_goes_on_when_another_certificate_is_presented(questdb_lab):
    tls = trusting(questdb_lab.ca_file)
    with http_client(questdb_lab.https_port, tls=tls) as client:
        for number in (1, 2):
            client.request("POST", "/write", row(number))
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (204, b"")
            questdb_lab.front.present("expired")
    assert "expired" in complaint(questdb_lab.https_port, tls)
    questdb_lab.reset()
    assert complaint(questdb_lab.https_port, tls) is None


@pytest.mark.parametrize("port", PORTS)
def test_plain_text_at_a_port_for_tls_reaches_nobody(questdb_lab, port):
    with tcp_client(getattr(questdb_lab, port)) as client:
        client.sendall(b"POST /write HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert b"HTTP" not in rest(client)
    assert questdb_lab.requests == questdb_lab.streams == ()


@pytest.mark.parametrize("port", ["http_port", "ilp_port"])
def test_the_server_itself_speaks_no_tls(questdb_lab, port):
    with pytest.raises(OSError, match=r"(?i)wrong version|EOF|reset"):
        complaint(getattr(questdb_lab, port), trusting(questdb_lab.ca_file))


def test_an_unknown_kind_is_refused(questdb_lab):
    with pytest.raises(LabError, match="'best': there are good, wrong-name"):
        questdb_lab.front.present("best")


def test_without_trustme_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(LabError, match="pip install trustme"):
        questdb_certificates.issue(tmp_path)


def test_keys_are_private(tmp_path):
    questdb_certificates.issue(tmp_path)
    for kind in (*CERTIFICATES, questdb_certificates.CLIENT):
        assert key(tmp_path, kind).stat().st_mode & 0o777 == 0o600

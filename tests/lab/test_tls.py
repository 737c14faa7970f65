from __future__ import annotations

import socket
import ssl
import struct
import sys

import psycopg
import pytest

from moorline.lab import LabError, tls
from moorline.lab.account import Account


@pytest.fixture
def lab(make_yugabyte_lab):
    return make_yugabyte_lab(nodes=2, tls=True)


def connect(lab, **params):
    node = lab.nodes[1]
    given = {"hostaddr": node.host, "host": node.name, "port": node.port}
    return psycopg.connect(
        **given | params, user="yugabyte", dbname="yugabyte", connect_timeout=5
    )


def test_a_node_is_verified_by_its_name_and_by_its_address(lab):
    node = lab.nodes[1]
    for host in (node.name, node.host):
        with connect(
            lab, host=host, sslmode="verify-full", sslrootcert=lab.ca_file
        ) as conn:
            assert conn.pgconn.ssl_in_use
    lab.wait_counts((0, 0))


def test_another_name_is_refused(lab):
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        connect(lab, host="node1.lab", sslmode="verify-full", sslrootcert=lab.ca_file)


def test_a_plain_connection_is_refused(lab):
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(lab, sslmode="disable")


def test_the_uri_takes_the_authority(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1, tls=True, password="pw")
    uri = lab.dsn(sslmode="verify-full", sslrootcert=lab.ca_file)
    with psycopg.connect(uri) as conn:
        assert conn.pgconn.ssl_in_use


def test_without_trustme_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(LabError, match="pip install trustme"):
        tls.issue(tmp_path, [], Account())


def test_keys_are_private_and_the_rest_is_not(tmp_path):
    account = Account()
    tls.issue(tmp_path, [tls.Wanted("node1.lab", ("127.0.0.1",))], account)
    key = tls.key(tmp_path, "node1.lab")
    assert key.stat().st_mode & 0o777 == 0o600
    assert account.uid in (None, key.stat().st_uid)
    certificate = tls.certificate(tmp_path, "node1.lab")
    for public in (certificate, tmp_path / tls.CA_FILE, tmp_path / tls.OTHER_CA_FILE):
        assert public.stat().st_mode & 0o777 == 0o644


def verify(lab, node, host, ca_file=None):
    """Connect to a node that is called ``host``; return what stands against it."""
    params = {"sslmode": "verify-full", "sslrootcert": ca_file or lab.ca_file}
    one = lab.nodes[node]
    try:
        connect(lab, host=host, hostaddr=one.host, port=one.port, **params).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


def test_certificates_say_what_they_are_told_to(make_yugabyte_lab):
    lab = make_yugabyte_lab(
        nodes=4,
        tls=True,
        certificates={0: ["node1.lab"], 1: ["wrong.example"], 2: ["*.lab", "::1"]},
    )
    first, second, third, fourth = lab.nodes
    assert verify(lab, 0, "node1.lab") is None
    assert f'does not match host name "{first.host}"' in verify(lab, 0, first.host)
    for host in ("node2.lab", second.host):
        assert 'for "wrong.example"' in verify(lab, 1, host)
    assert verify(lab, 1, "wrong.example") is None
    assert verify(lab, 2, third.name) is None
    assert "does not match" in verify(lab, 2, third.host)
    for host in (fourth.name, fourth.host):  # not mentioned: as always
        assert verify(lab, 3, host) is None


def test_a_certificate_can_have_expired(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=2, tls=True, expired_certificates=[1])
    assert verify(lab, 0, "node1.lab") is None
    assert "certificate verify failed" in verify(lab, 1, "node2.lab")
    # libpq does not say why.
    context = ssl.create_default_context(cafile=lab.ca_file)
    with socket.create_connection((lab.nodes[1].host, lab.nodes[1].port)) as raw:
        raw.sendall(struct.pack("!II", 8, 80877103))
        assert raw.recv(1) == b"S"
        with pytest.raises(ssl.SSLCertVerificationError, match="has expired"):
            context.wrap_socket(raw, server_hostname="node2.lab")


def test_there_is_an_authority_that_signed_nothing(lab):
    refused = verify(lab, 1, "node2.lab", ca_file=lab.other_ca_file)
    assert "certificate verify failed" in refused


def test_a_lab_without_tls_declines(yugabyte_lab):
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        connect(yugabyte_lab, sslmode="require")
    for file in ("ca_file", "other_ca_file"):
        with pytest.raises(LabError, match="tls=True"):
            getattr(yugabyte_lab, file)

from __future__ import annotations

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
    file = tls.issue(tmp_path, [("node1.lab", "127.0.0.1")], account)
    assert file.stat().st_mode & 0o777 == 0o644
    key = tls.key(tmp_path, "node1.lab")
    assert key.stat().st_mode & 0o777 == 0o600
    assert account.uid in (None, key.stat().st_uid)
    assert tls.certificate(tmp_path, "node1.lab").stat().st_mode & 0o777 == 0o644

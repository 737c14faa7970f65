"""The ways to a node: by name, on one host, by IPv6, Unix socket or service file."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import psycopg
import pytest

from moorline.lab import sockets


def identity(conn):
    """Tell on which node a session is: each has a socket directory of its own."""
    return conn.execute("show unix_socket_directories").fetchone()[0].strip('"')


def has_ipv6():
    try:
        sockets.bound(*sockets.resolve("::1", 0)).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_nodes_that_are_all_on_localhost(address, make_yugabyte_lab):
    lab = make_yugabyte_lab(
        addresses=[address] * 3,
        tls=True,
        certificates={node: ["localhost"] for node in range(3)},
    )
    lab.set_topology([lab.row(node.index, host="localhost") for node in lab.nodes])
    checked = {"sslmode": "verify-full", "sslrootcert": lab.ca_file}
    with psycopg.connect(lab.dsn(host="localhost", **checked)) as conn:
        listed = conn.execute("select host, port from yb_servers()").fetchall()
    assert len(set(listed)) == 3
    for node, (host, port) in zip(lab.nodes, listed, strict=True):
        assert host == "localhost"
        uri = lab.dsn(host=host, port=port, **checked)
        with psycopg.connect(uri, connect_timeout=5) as conn:
            assert identity(conn) == node.socket_dir


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_nodes_on_ipv6(make_yugabyte_lab):
    lab = make_yugabyte_lab(addresses=["::1", "::1"], tls=True)
    port = lab.nodes[0].port
    assert [row["host"] for row in lab.topology()] == ["::1", "::1"]
    assert lab.dsn(1) == f"postgresql://yugabyte@[::1]:{port + 1}/yugabyte"
    uri = lab.dsn(1, sslmode="verify-full", sslrootcert=lab.ca_file)
    with psycopg.connect(uri) as conn:
        assert identity(conn) == lab.nodes[1].socket_dir
        assert lab.counts() == (0, 1)


def test_a_node_can_be_listed_under_any_name_and_port(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    lab.set_topology([lab.row(0, host="db.internal.example", port=65535)])
    query = "select host, port from yb_servers()"
    assert lab.sql(0, query) == [("db.internal.example", "65535")]


@pytest.mark.parametrize("password", [None, "pw"])
def test_a_node_is_reached_by_its_unix_socket(password, make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=2, password=password, tls=True)
    one = lab.nodes[1]
    with psycopg.connect(lab.dsn(1, host=one.socket_dir)) as conn:
        assert identity(conn) == one.socket_dir
        assert conn.execute("select inet_server_addr()").fetchone() == (None,)
        assert lab.counts() == (0, 1)
    assert stat.S_IMODE(Path(one.socket_dir).stat().st_mode) == 0o700
    if password:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(lab.dsn(1, host=one.socket_dir, password=""))


def test_a_name_that_no_resolver_knows_is_given_with_its_address(yugabyte_lab):
    one = yugabyte_lab.nodes[1]
    uri = yugabyte_lab.dsn(1, host="node2.nowhere.example", hostaddr=one.host)
    with psycopg.connect(uri) as conn:
        assert conn.info.host == "node2.nowhere.example"
        assert identity(conn) == one.socket_dir


async def test_nodes_get_the_names_that_a_test_gives_them(yugabyte_lab, monkeypatch):
    names = {node.name: node.host for node in yugabyte_lab.nodes}
    known = socket.getaddrinfo

    def lookup(host, *args, **named):
        return known(names.get(host, host), *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    for node in yugabyte_lab.nodes:
        uri = yugabyte_lab.dsn(node.index, host=node.name)
        with psycopg.connect(uri) as conn:
            assert identity(conn) == node.socket_dir
        async with await psycopg.AsyncConnection.connect(uri) as conn:
            cursor = await conn.execute("select host(inet_server_addr())")
            assert await cursor.fetchone() == (node.host,)


def test_a_uri_may_name_a_service(yugabyte_lab, tmp_path, monkeypatch):
    file = tmp_path / "pg_service.conf"
    file.write_text("[there]\napplication_name=by service\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with psycopg.connect(yugabyte_lab.dsn(service="there")) as conn:
        parameters = conn.info.get_parameters()
    assert parameters["application_name"] == "by service"

"""TLS: every connection of moorline verifies what its user asked to be verified."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from moorline.lab import LabError, Proxy
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
HELLO = b"\x16\x03"  # a TLS record with a handshake in it


def make(make_yugabyte_lab: MakeLab, **options: Any) -> YugabyteLab:
    """Make a lab whose certificates are valid for node1.lab and so on alone."""
    names = {n: [f"node{n + 1}.lab"] for n in range(3)}
    certificates = names | options.pop("certificates", {})
    try:
        lab = make_yugabyte_lab(tls=True, certificates=certificates, **options)
    except LabError as error:
        if "TLS" not in str(error):
            raise
        pytest.skip(str(error))
    lab.set_topology([lab.row(n, host=f"node{n + 1}.lab") for n in range(3)])
    return lab


@pytest.fixture
def named() -> Iterator[set[str]]:
    """Let node1.lab be 127.0.0.1, and so on, in this process; gives the names."""
    real = socket.getaddrinfo
    known = {f"node{number}.lab" for number in (1, 2, 3)}

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in known:
            name = f"127.0.0.{name.removeprefix('node').removesuffix('.lab')}"
        return real(name, *args, **kwargs)

    with mock.patch("socket.getaddrinfo", lookup):
        yield known


def dsn(lab: YugabyteLab, mode: str = "verify-full", ca: str = "", **more: Any) -> str:
    place = f"{more.pop('host', 'node1.lab')}:{more.pop('port', lab.nodes[0].port)}"
    options = {"load_balance": "true", "sslmode": mode, **more}
    if mode.startswith("verify"):
        options["sslrootcert"] = ca or lab.ca_file
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"postgresql://yugabyte@{place}/yugabyte?{query}"


def is_encrypted(world: World, conn: Any) -> bool:
    query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    return bool(world.fetch(conn, query))


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_nodes_are_verified_by_the_names_they_are_listed_under(
    make_yugabyte_lab: MakeLab, world: World, mode: str
) -> None:
    lab = make(make_yugabyte_lab)

    conns = world.open(6, dsn(lab, mode))

    assert lab.counts() == (2, 2, 2)
    assert all(is_encrypted(world, conn) for conn in conns)


@pytest.mark.parametrize("place", ["public_ip", "address_map"])
def test_a_node_that_is_dialled_at_an_address_is_verified_by_its_name(
    make_yugabyte_lab: MakeLab, world: World, named: set[str], place: str
) -> None:
    lab = make(make_yugabyte_lab)
    named -= {"node2.lab", "node3.lab"}  # of no use here, but in the certificates
    options: dict[str, Any] = {}
    nodes = {f"node{node.index + 1}.lab": node.host for node in lab.nodes}
    if place == "address_map":
        options["address_map"] = lambda host, port: (nodes[host], port)
    else:
        lab.set_topology(
            [
                lab.row(n, host=name, public_ip=address)
                for n, (name, address) in enumerate(nodes.items())
            ]
        )

    conns = world.open(6, dsn(lab), **options)

    assert lab.counts() == (2, 2, 2)
    assert all(is_encrypted(world, conn) for conn in conns)


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_without_a_name_is_verified_as_an_address(
    make_yugabyte_lab: MakeLab, world: World, *, verified: bool
) -> None:
    """The certificates hold names only, so an address is refused."""
    lab = make(make_yugabyte_lab)
    lab.set_topology([lab.row(n) for n in range(3)])
    host = lab.nodes[0].host
    if verified:
        with pytest.raises((OSError, world.refusal, world.outage)) as caught:
            world.open(1, dsn(lab, host=host))
        assert "127.0.0.1" in str(caught.value)
    else:
        world.open(3, dsn(lab, "verify-ca", host=host))
        assert lab.counts() == (1, 1, 1)


@pytest.mark.usefixtures("named")
def test_a_wrong_name_is_refused_and_nothing_was_sent(
    make_yugabyte_lab: MakeLab, world: World, secret: str
) -> None:
    wrong = {2: ["node9.lab"]}
    lab = make(make_yugabyte_lab, certificates=wrong, password=secret)
    target = (lab.nodes[2].host, lab.nodes[2].port)
    with Proxy(target) as proxy:

        def address_map(host: str, port: int) -> tuple[str, int]:
            if host == "node3.lab":
                return proxy.host, proxy.port
            return f"127.0.0.{host[4]}", port

        options = {"address_map": address_map, "password": secret}
        for _ in range(3):
            try:
                world.open(1, dsn(lab), **options)
            except (OSError, world.refusal, world.outage) as error:
                text = str(error)
                break
        else:
            pytest.fail("a certificate for another name was accepted")
        assert "node3.lab" in text
        assert proxy.received
        for sent in proxy.received:
            assert sent.startswith(SSL_REQUEST)
            assert sent[8:10] == HELLO
            assert b"yugabyte" not in sent
            assert secret.encode() not in sent
    # It is the certificate that is wrong, so the node is not taken for dead.
    cluster = Cluster(dsn(lab), **options)
    assert {node.health for node in cluster.topology().nodes} == {"up"}
    assert lab.counts()[2] == 0


@pytest.mark.usefixtures("named")
def test_an_unknown_authority_is_refused_before_anything_is_sent(
    make_yugabyte_lab: MakeLab, world: World, secret: str
) -> None:
    lab = make(make_yugabyte_lab, password=secret)
    with Proxy((lab.nodes[0].host, lab.nodes[0].port)) as proxy:
        bad = dsn(lab, ca=lab.other_ca_file, port=proxy.port)
        with pytest.raises((OSError, world.refusal, world.outage)) as caught:
            world.open(1, bad, password=secret)
        assert "certificate" in str(caught.value)
        assert len(proxy.received) == 1
        (sent,) = proxy.received
        assert sent.startswith(SSL_REQUEST + HELLO)
        assert secret.encode() not in sent
    assert sum(map(lab.accepted, range(3))) == 0


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_a_server_without_tls_gets_no_word_beyond_the_request(
    make_yugabyte_lab: MakeLab, world: World, mode: str, secret: str
) -> None:
    """Neither discovery nor a connection falls back to plain text."""
    lab = make(make_yugabyte_lab)
    with Proxy(mode="no-tls") as proxy:
        place = dsn(lab, mode, host=proxy.host, port=proxy.port)
        with pytest.raises((OSError, world.refusal, world.outage)) as caught:
            world.open(1, place, password=secret)
        assert "SSL" in str(caught.value)
        assert proxy.accepted == 1
        assert {sent.replace(SSL_REQUEST, b"") for sent in proxy.received} == {b""}


@pytest.mark.usefixtures("named")
def test_a_node_without_tls_gets_no_word_either(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make(make_yugabyte_lab)
    with Proxy(mode="no-tls") as proxy:

        def address_map(_: str, __: int) -> tuple[str, int]:
            return proxy.host, proxy.port

        with pytest.raises((OSError, world.refusal, world.outage)) as caught:
            world.open(1, dsn(lab, "require"), address_map=address_map)
        assert "SSL" in str(caught.value)
        assert {sent.replace(SSL_REQUEST, b"") for sent in proxy.received} == {b""}


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("world", ["asyncpg"], indirect=True)
def test_asyncpg_takes_a_context_as_it_is(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    """A context of the user's verifies names too, and is not changed."""
    lab = make(make_yugabyte_lab)
    context = ssl.create_default_context(cafile=lab.ca_file)
    plain = f"postgresql://yugabyte@node1.lab:{lab.nodes[0].port}/yugabyte"
    nodes = {f"node{node.index + 1}.lab": node.host for node in lab.nodes}
    options = {"load_balance": True, "ssl": context}
    world.open(3, plain, **options)
    world.open(3, plain, address_map=lambda host, port: (nodes[host], port), **options)
    assert lab.counts() == (2, 2, 2)

    def another(host: str, port: int) -> tuple[str, int]:
        return (lab.nodes[0] if host != "node1.lab" else lab.nodes[1]).host, port

    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'node\d"):
        world.open(1, plain, address_map=another, **options)

"""Which cluster is which: names, addresses and contact lists on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest

from moorline.lab import Proxy
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab


def loads(cluster: Cluster) -> list[int]:
    return [node.load for node in cluster.topology().nodes]


def at(host: str, port: int) -> str:
    """Return a URI that every driver reads alike."""
    return f"postgresql://yugabyte@{host}:{port}/yugabyte?load_balance=true"


def discoveries(lab: YugabyteLab) -> int:
    return sum(len(lab.statements(node, "yb_servers")) for node in range(3))


def test_contact_lists_of_one_cluster_share_its_counts(
    lab: YugabyteLab, world: World
) -> None:
    dsns = [
        lab.dsn(load_balance="true"),
        lab.dsn(node=2, load_balance="true"),
        lab.dsn(hosts=[1, 2], load_balance="true"),
        at("localhost", lab.nodes[0].port),
    ]
    before = discoveries(lab)
    for dsn in dsns * 3:
        world.open(1, dsn)

    assert lab.counts() == (4, 4, 4)
    assert discoveries(lab) - before == len(dsns)
    for dsn in dsns:
        assert loads(Cluster(dsn)) == [4, 4, 4]


@pytest.mark.parametrize("columns", [8, 9])
def test_older_servers_are_known_by_their_nodes(
    make_yugabyte_lab: MakeLab, world: World, columns: int
) -> None:
    lab = make_yugabyte_lab(columns=columns)
    for node in (0, 1, 2):
        world.open(1, lab.dsn(node=node, load_balance="true"))

    assert lab.counts() == (1, 1, 1)


def test_clusters_that_list_the_same_addresses_do_not_mix(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    """As behind two networks with the same private addresses."""
    labs = make_yugabyte_lab(), make_yugabyte_lab()
    for lab in labs:
        lab.set_topology([lab.row(n, host=f"10.0.0.{n}", port=5433) for n in range(3)])

    def through(lab: YugabyteLab) -> dict[str, object]:
        def address_map(host: str, _: int) -> tuple[str, int]:
            node = lab.nodes[int(host.rpartition(".")[2])]
            return node.host, node.port

        return {"load_balance": True, "address_map": address_map}

    for _ in range(3):
        world.open(1, labs[0].dsn(), **through(labs[0]))
        world.open(2, labs[1].dsn(), **through(labs[1]))

    assert labs[0].counts() == (1, 1, 1)
    assert labs[1].counts() == (2, 2, 2)


def test_several_nodes_on_one_host_are_told_apart_by_their_ports(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab(addresses=["127.0.0.1"] * 3)

    world.open(9, lab.dsn(load_balance="true"))

    assert lab.counts() == (3, 3, 3)


def test_a_name_in_the_list_stays_a_name(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab(addresses=["127.0.0.1"] * 3)
    lab.set_topology([lab.row(n, host="localhost") for n in range(3)])

    (conn, *_) = world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (2, 2, 2)
    assert {n.host for n in Cluster(lab.dsn()).topology().nodes} == {"localhost"}
    if world.way in ("sync", "async"):
        assert conn.info.host == "localhost"


def test_ipv6_nodes_are_dialled(make_yugabyte_lab: MakeLab, world: World) -> None:
    try:
        lab = make_yugabyte_lab(addresses=["::1"] * 3)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")

    world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (2, 2, 2)


def test_a_unix_socket_is_a_contact_point(lab: YugabyteLab, world: World) -> None:
    node = lab.nodes[1]

    world.open(
        6,
        "postgresql://yugabyte@/yugabyte?load_balance=true",
        host=node.socket_dir,
        port=node.port,
    )

    assert lab.counts() == (2, 2, 2)


def test_hostaddr_is_dialled_once_and_does_not_stick(
    lab: YugabyteLab, psycopg_world: World
) -> None:
    dsn = lab.dsn(load_balance="true", host="no.such.host", hostaddr=lab.nodes[0].host)

    psycopg_world.open(6, dsn)

    assert lab.counts() == (2, 2, 2)


def test_the_environment_names_the_cluster(
    make_yugabyte_lab: MakeLab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clusters in turn: the second is not taken for the first."""
    for lab in (make_yugabyte_lab(), make_yugabyte_lab()):
        monkeypatch.setenv("PGHOST", lab.nodes[1].host)
        monkeypatch.setenv("PGPORT", str(lab.nodes[1].port))
        world.open(3, "postgresql://yugabyte@/yugabyte?load_balance=true")
        assert lab.counts() == (1, 1, 1)


def test_a_service_file_names_the_cluster(
    make_yugabyte_lab: MakeLab,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labs = {"one": make_yugabyte_lab(), "two": make_yugabyte_lab()}
    sections = [
        f"[{name}]\nhost={lab.nodes[0].host}\nport={lab.nodes[0].port}\n"
        "user=yugabyte\ndbname=yugabyte\n"
        for name, lab in labs.items()
    ]
    (tmp_path / "services").write_text("".join(sections))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for name in labs:
        world.open(6, f"postgresql://?service={name}&load_balance=true")

    assert [lab.counts() for lab in labs.values()] == [(2, 2, 2), (2, 2, 2)]
    # Met again by its address, it is the same cluster.
    world.open(3, labs["two"].dsn(node=1, load_balance="true"))
    assert labs["two"].counts() == (3, 3, 3)


def test_one_name_for_several_servers_is_one_contact_point(
    lab: YugabyteLab, world: World
) -> None:
    """A name with several addresses: the driver tries one after the other."""
    import socket  # noqa: PLC0415

    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host != "cluster.lab":
            return real(host, port, *args, **kwargs)
        found = [real(n.host, port, *args, **kwargs) for n in lab.nodes]
        return [entry for entries in found for entry in entries]

    with mock.patch("socket.getaddrinfo", lookup):
        world.open(6, at("cluster.lab", lab.nodes[0].port))

    assert lab.counts() == (2, 2, 2)


def test_a_contact_name_that_leads_elsewhere_later_does_not_mix_clusters(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    one, two = make_yugabyte_lab(), make_yugabyte_lab()
    with Proxy((one.nodes[0].host, one.nodes[0].port)) as proxy:
        port = proxy.port
        dsn = at(proxy.host, port)
        world.open(3, dsn)
    target = (two.nodes[0].host, two.nodes[0].port)
    with Proxy(target, port=port) as proxy:
        Cluster(dsn).refresh()
        world.open(3, dsn)

    assert one.counts() == (2, 2, 2)
    assert sum(two.counts()) == 0

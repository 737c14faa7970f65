"""Nodes at private and public addresses, behind maps, and out of reach."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from moorline.errors import ConfigError, NoNodeAvailable
from moorline.lab import Proxy, blackhole
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab


def private(lab: YugabyteLab, *, host: str = "127.9.9", public: bool = True) -> None:
    """List the nodes at addresses where nobody is, and their real ones as public."""
    lab.set_topology(
        [
            lab.row(n, host=f"{host}.{n}", public_ip=node.host if public else "")
            for n, node in enumerate(lab.nodes)
        ]
    )


@pytest.fixture
def endpoint(lab: YugabyteLab) -> Iterator[Proxy]:
    """A load balancer before the three nodes."""
    with Proxy(*((node.host, node.port) for node in lab.nodes)) as proxy:
        yield proxy


@pytest.fixture
def lab(make_yugabyte_lab: MakeLab) -> YugabyteLab:
    return make_yugabyte_lab()


def through(proxy: Proxy, **options: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    place = f"postgresql://yugabyte@{proxy.host}:{proxy.port}/yugabyte"
    return f"{place}?load_balance=true" + (f"&{query}" if query else "")


def warnings(caplog: pytest.LogCaptureFixture, text: str) -> int:
    records = (r for r in caplog.records if r.levelno >= logging.WARNING)
    return sum(text in record.getMessage() for record in records)


def test_public_addresses_are_used_where_private_ones_do_not_answer(
    lab: YugabyteLab, world: World
) -> None:
    private(lab)
    dsn = lab.dsn(load_balance="true")

    world.open(9, dsn)

    assert lab.counts() == (3, 3, 3)
    nodes = Cluster(dsn).topology().nodes
    assert [node.host for node in nodes] == ["127.9.9.0", "127.9.9.1", "127.9.9.2"]
    assert [node.load for node in nodes] == [3, 3, 3]
    assert all("reached at" in node.health for node in nodes)


def test_private_addresses_are_used_where_both_answer(
    lab: YugabyteLab, world: World
) -> None:
    with Proxy((lab.nodes[0].host, lab.nodes[0].port)) as public:
        lab.set_topology([lab.row(n, public_ip=f"127.0.0.{n + 101}") for n in range(3)])
        world.open(6, lab.dsn(load_balance="true"))
        assert public.accepted == 0

    assert lab.counts() == (2, 2, 2)


def test_a_dead_node_is_passed_over_at_its_public_address_too(
    lab: YugabyteLab, world: World
) -> None:
    """As in drivers that count under one address and pick by the other."""
    private(lab)
    dsn = lab.dsn(load_balance="true")
    world.open(3, dsn)
    lab.kill(1)

    world.open(6, dsn)
    world.close(world.opened[-2:])

    assert lab.counts()[1] == 0
    loads = [node.load for node in Cluster(dsn).topology().nodes]
    assert (loads[0], loads[2]) == (lab.counts()[0], lab.counts()[2])


def test_a_private_address_that_swallows_packets_costs_its_share_once(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    with blackhole("127.9.9.0") as (host, port):
        lab = make_yugabyte_lab(port=port)
        node = lab.nodes[0]
        lab.set_topology([lab.row(0, host=host, public_ip=node.host), lab.row(1)])

        world.open(8, lab.dsn(node=1, load_balance="true"), connect_timeout=4)

        assert lab.counts() == (4, 4, 0)
        (first, _) = Cluster(lab.dsn(node=1)).topology().nodes
        assert first.health == f"up, reached at {node.host}:{port}"


def test_a_map_says_where_nodes_are_dialled(lab: YugabyteLab, world: World) -> None:
    """Port forwards to one host, as with containers."""
    private(lab, host="172.17.0", public=False)
    forwards = [Proxy((node.host, node.port)).open() for node in lab.nodes]

    def address_map(host: str, port: int) -> tuple[str, int]:
        assert port == lab.nodes[0].port
        forward = forwards[int(host.rpartition(".")[2])]
        return forward.host, forward.port

    dsn = lab.dsn(load_balance="true")
    world.open(9, dsn, address_map=address_map)
    assert lab.counts() == (3, 3, 3)

    lab.kill(2)
    world.open(6, dsn, address_map=address_map)
    assert lab.counts() == (6, 6, 0)
    # What is known of the cluster is read through the map as well.
    lab.kill(0)
    cluster = Cluster(dsn, address_map=address_map)
    cluster.refresh()
    world.close()
    for forward in forwards:
        forward.close()


@pytest.mark.parametrize("bad", ["nothing", "text"])
def test_a_map_that_is_none_is_an_error(
    lab: YugabyteLab, world: World, bad: str
) -> None:
    maps = {"nothing": lambda host, port: None, "text": "10.0.0.1=localhost"}
    with pytest.raises(ConfigError, match="address_map"):
        world.open(1, lab.dsn(load_balance="true"), address_map=maps[bad])
    assert [n.load for n in Cluster(lab.dsn()).topology().nodes] == [0, 0, 0]


def test_nodes_out_of_reach_are_used_through_the_contact_point(
    lab: YugabyteLab, world: World, endpoint: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    private(lab, public=False)

    world.open(9, through(endpoint))

    assert sum(lab.counts()) == 9
    assert max(lab.counts()) - min(lab.counts()) <= 1
    assert warnings(caplog, "address_map") == 1
    # One connection read the list; later connects make no detour.
    assert endpoint.accepted == 10
    explanation = str(Cluster(through(endpoint)).explain())
    assert "connections go through the contact point" in explanation


def test_nodes_that_swallow_packets_are_left_in_time(
    lab: YugabyteLab, world: World, endpoint: Proxy
) -> None:
    with blackhole("127.9.9.9") as (host, port):
        lab.set_topology([lab.row(n, host=host, port=port) for n in range(3)])
        world.open(3, through(endpoint), connect_timeout=4)
        world.open(6, through(endpoint), connect_timeout=4)

    assert sum(lab.counts()) == 9


@pytest.mark.parametrize(
    "options",
    [
        {"load_balance": "only-rr"},
        {
            "topology_keys": "aws.us-east-1.us-east-1a",
            "fallback_to_topology_keys_only": "true",
        },
    ],
)
def test_who_must_have_certain_nodes_does_not_get_the_contact_point(
    lab: YugabyteLab, world: World, endpoint: Proxy, options: dict[str, str]
) -> None:
    private(lab, public=False)
    with pytest.raises(NoNodeAvailable):
        world.open(
            1, through(endpoint).partition("?")[0], **{"load_balance": "true"} | options
        )
    lab.wait_counts((0, 0, 0))


def test_nodes_that_come_into_reach_are_found_in_the_background(
    lab: YugabyteLab, world: World, endpoint: Proxy
) -> None:
    private(lab, public=False)
    dsn = through(endpoint)
    world.open(3, dsn)
    lab.set_topology([lab.row(n) for n in range(3)])
    cluster = Cluster(dsn)
    world.open(1, dsn)  # the new list is not read yet
    cluster.refresh()
    world.wait(lambda: "contact point" not in str(cluster.explain()))
    world.close()
    lab.wait_counts((0, 0, 0))

    world.open(6, dsn)

    assert lab.counts() == (2, 2, 2)


def test_all_nodes_dead_is_an_error_whatever_the_contact_point_says(
    lab: YugabyteLab, world: World, endpoint: Proxy
) -> None:
    dsn = through(endpoint)
    world.open(3, dsn)
    for node in range(3):
        lab.kill(node)

    with pytest.raises(NoNodeAvailable) as caught:
        world.open(1, dsn)

    assert f"{endpoint.host}:{endpoint.port} [contact point]" in str(caught.value)
    assert len(caught.value.attempts) == 4

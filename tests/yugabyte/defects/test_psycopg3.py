"""Defects of the fork of psycopg 3 (psycopg-yugabytedb 3.3.4.1), which moorline lacks.

`defects.toml` has all of them by number, with the tests elsewhere that show some.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from moorline.core.address import Address
from moorline.core.events import NodeFailed
from moorline.errors import NoNodeAvailable
from moorline.lab import Proxy
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from conftest import Clock, World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

ZONE_B = "aws.us-east-1.us-east-1b"  # of the third of three nodes


def loads(cluster: Cluster) -> list[int]:
    return [node.load for node in cluster.topology().nodes]


def test_a_full_node_is_not_taken_for_an_empty_one(
    make_yugabyte_lab: MakeLab, world: World, clock: Clock
) -> None:
    """3.1-3: a failed dial set the count of live connections to zero."""
    lab = make_yugabyte_lab(max_connections=8)
    dsn = lab.dsn(load_balance="true")
    world.open(18, dsn)
    others = world.open(2, lab.dsn(node=2))
    world.open(1, dsn, topology_keys=ZONE_B)
    world.open(1, dsn)
    assert lab.counts() == (7, 7, 8)
    world.close(others)
    lab.wait_counts((7, 7, 6))
    clock.ahead += 1

    world.open(4, dsn)

    assert lab.counts() == (8, 8, 8)


def test_new_nodes_are_seen_after_every_node_has_failed_once(
    whole: YugabyteLab, world: World, clock: Clock
) -> None:
    """3.1-5: then no node was ever asked for the list again."""
    dsn = whole.dsn(hosts=[0, 1, 2], load_balance="true")
    cluster = Cluster(dsn)
    cluster.refresh()
    for node in range(3):
        whole.stop(node)
    with pytest.raises(NoNodeAvailable):
        world.open(1, dsn)
    for node in range(3):
        whole.start(node)
    assert all("failed" in node.health for node in cluster.topology().nodes)

    whole.set_topology([whole.row(node) for node in range(4)])
    cluster.refresh()
    clock.ahead += 5
    world.open(4, dsn)

    assert whole.counts()[:4] == (1, 1, 1, 1)


def test_a_changed_password_is_nobodys_outage(
    make_yugabyte_lab: MakeLab, world: World, secret: str
) -> None:
    """3.1-6: the list was always read with the first caller's password."""
    lab = make_yugabyte_lab(password=secret)
    dsn = lab.dsn(password="", load_balance="true", yb_servers_refresh_interval="0")
    changed = secret[::-1]
    world.open(3, dsn, password=secret)
    for node in range(3):
        quoted = changed.replace("'", "''")
        lab.sql(node, f"alter role yugabyte password '{quoted}'")

    with pytest.raises(world.refusal, match="password authentication failed"):
        world.open(1, dsn, password=secret)
    world.open(3, dsn, password=changed)
    world.settle()
    cluster = Cluster(dsn, password=changed)
    cluster.refresh()
    world.open(3, dsn, password=changed)

    world.settle()
    lab.wait_counts((3, 3, 3))
    assert {node.health for node in cluster.topology().nodes} == {"up"}


def test_a_server_that_never_answers_the_query_is_left_for_another(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    """3.1-7: the query had no time limit, so that connect_timeout had none either."""
    lab = make_yugabyte_lab(nodes=2)
    lab.sql(0, "alter function yb_servers rename to yb_servers_of_old")
    mute = "language sql as 'select 1 from pg_sleep(60)'"
    lab.sql(0, f"create function yb_servers() returns setof int {mute}")
    dsn = lab.dsn(hosts=[0, 1], load_balance="true")

    world.open(2, dsn, connect_timeout=2)

    assert loads(Cluster(dsn)) == [1, 1]


def test_each_contact_point_may_have_a_port(
    whole: YugabyteLab, psycopg_world: World
) -> None:
    """3.1-13, and 3.2-12 of psycopg2's: ``port=5433,5433`` was a ValueError."""
    hosts, ports = zip(*((n.host, str(n.port)) for n in whole.nodes[:3]), strict=True)
    place = f"host={','.join(hosts)} port={','.join(ports)}"

    psycopg_world.open(
        6, f"{place} user=yugabyte dbname=yugabyte connect_timeout=5 load_balance=true"
    )

    assert whole.counts()[:3] == (2, 2, 2)


def test_clusters_that_hostaddr_names_are_told_apart(
    lab: YugabyteLab, whole: YugabyteLab, psycopg_world: World
) -> None:
    """3.1-15: the second cluster's connections went to the first."""
    for cluster, count in [(lab, 3), (whole, 6)]:
        node = cluster.nodes[0]
        place = f"hostaddr={node.host} port={node.port}"
        psycopg_world.open(
            count, f"{place} user=yugabyte dbname=yugabyte load_balance=true"
        )

    assert lab.counts() == (1, 1, 1)
    assert whole.counts()[:3] == (2, 2, 2)


def test_contact_points_from_before_and_after_a_node_came_are_one_cluster(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    """3.1-22: a cluster without universe_uuid was known by its list of the moment."""
    lab = make_yugabyte_lab(columns=8)
    rows = lab.topology()
    lab.set_topology(rows[:2])
    world.open(6, lab.dsn(load_balance="true"))
    lab.set_topology(rows)

    world.open(3, lab.dsn(node=2, load_balance="true"))

    assert lab.counts() == (3, 3, 3)


def test_a_dead_node_that_is_still_listed_is_left_alone(
    whole: YugabyteLab, world: World
) -> None:
    """3.1-25: each reading of the list took the mark from a node that had failed."""
    node = whole.nodes[1]
    with Proxy((node.host, node.port), mode="reset") as proxy:
        bad = whole.row(1, host=proxy.host, port=proxy.port)
        whole.set_topology([whole.row(0), bad, whole.row(2)])
        dsn = whole.dsn(load_balance="true", failed_host_reconnect_delay_secs="60")
        world.open(4, dsn)
        tried = proxy.accepted
        assert tried

        for _ in range(2):
            Cluster(dsn).refresh()
            world.open(2, dsn)

        assert proxy.accepted == tried
    assert whole.counts()[:3] == (4, 0, 4)


def test_a_silent_node_costs_its_share_once_and_not_at_each_expiry(
    whole: YugabyteLab, world: World, clock: Clock
) -> None:
    """3.1-21: each expiry of the delay cost one connect the whole timeout."""
    third = whole.nodes[2]
    with Proxy((third.host, third.port)) as proxy:
        row = whole.row(2, host=proxy.host, port=proxy.port)
        whole.set_topology([whole.row(0), whole.row(1), row])
        dsn = whole.dsn(load_balance="true")
        options = {"failed_host_reconnect_delay_secs": 1, "connect_timeout": 20}
        world.open(3, dsn, **options)
        proxy.mode = "silent"
        share = 20 / 3
        clock.ahead += share  # seconds that this test does not sit through
        Cluster(dsn)._state.apply(
            NodeFailed(
                Address(proxy.host, proxy.port), 0.0, clock.monotonic(), "silent"
            )
        )
        connect = getattr(world, f"_{world.way}")  # does not wait for the background
        took = 0.0

        for _ in range(2):
            began = time.monotonic()
            world.opened += connect(2, dsn, options)
            took += time.monotonic() - began
            world.settle()
            clock.ahead += 5

        # One share would be more than six seconds; a look in the background is none.
        assert took < share
        assert whole.counts()[:2] == (3, 3)
        proxy.mode = "forward"
        world.open(3, dsn, **options)
        assert loads(Cluster(dsn))[2] >= 3  # it is used again, and catches up

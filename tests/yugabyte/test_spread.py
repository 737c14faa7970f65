"""The main job: connections spread evenly, counted on the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

ZONE_A = "aws.us-east-1.us-east-1a"


def loads(cluster: Cluster) -> tuple[int, ...]:
    return tuple(node.load for node in cluster.topology().nodes)


def test_thirty_connections_are_ten_on_each_of_three_nodes(
    lab: YugabyteLab, any_world: World
) -> None:
    cluster = Cluster(lab.dsn())
    before = sum(map(lab.accepted, range(3)))

    any_world.open(30, lab.dsn(load_balance="true"))

    assert lab.counts() == (10, 10, 10)
    assert loads(cluster) == (10, 10, 10)
    # Thirty, and the one that read the list of nodes and is gone.
    assert sum(map(lab.accepted, range(3))) - before == 31
    any_world.close()
    lab.wait_counts((0, 0, 0))
    assert loads(cluster) == (0, 0, 0)


def test_topology_keys_leave_the_other_zone_alone(
    lab: YugabyteLab, any_world: World
) -> None:
    any_world.open(30, lab.dsn(load_balance="true", topology_keys=ZONE_A))

    assert lab.counts() == (15, 15, 0)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (f"{ZONE_A}:1,aws.us-east-1.us-east-1b:2", (6, 6, 0)),
        (f"aws.us-east-1.us-east-1b:1,{ZONE_A}:2", (0, 0, 12)),
        ("aws.us-east-1.*", (4, 4, 4)),
        ("aws.*.*", (4, 4, 4)),
        ("aws.us-west-2.*:1,aws.us-east-1.us-east-1b:7", (0, 0, 12)),
        ("gcp.*.*", (4, 4, 4)),
        (f"{ZONE_A},aws.us-east-1.us-east-1b", (4, 4, 4)),
    ],
)
def test_tiers_decide(
    lab: YugabyteLab, world: World, keys: str, expected: tuple[int, ...]
) -> None:
    world.open(12, lab.dsn(load_balance="true", topology_keys=keys))

    assert lab.counts() == expected


def test_different_options_share_the_counts_of_a_cluster(
    lab: YugabyteLab, any_world: World
) -> None:
    any_world.open(6, lab.dsn(load_balance="true", topology_keys=ZONE_A))
    any_world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 4, 4)


def test_two_clusters_never_mix(make_yugabyte_lab: MakeLab, any_world: World) -> None:
    one, two = make_yugabyte_lab(), make_yugabyte_lab()

    any_world.open(6, one.dsn(load_balance="true"))
    any_world.open(9, two.dsn(load_balance="true"))

    assert one.counts() == (2, 2, 2)
    assert two.counts() == (3, 3, 3)


def test_without_the_switch_all_go_to_the_contact_point(
    lab: YugabyteLab, any_world: World
) -> None:
    any_world.open(6, lab.dsn())

    assert lab.counts() == (6, 0, 0)
    assert loads(Cluster(lab.dsn())) == (0, 0, 0)


def test_the_switch_can_be_off_with_options_left_in_place(
    lab: YugabyteLab, world: World
) -> None:
    dsn = lab.dsn(load_balance="false", topology_keys="aws.us-east-1.us-east-1b")

    world.open(3, dsn)

    assert lab.counts() == (3, 0, 0)


def test_connections_can_leave_and_come(lab: YugabyteLab, world: World) -> None:
    conns = world.open(12, lab.dsn(load_balance="true"))
    world.close([c for c in conns if world.host(c) == lab.nodes[0].host])
    lab.wait_counts((0, 4, 4))

    world.open(4, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 4, 4)

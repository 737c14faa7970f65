"""Nodes that come, go, and change: the next connections follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

A, B = "aws.us-east-1.us-east-1a", "aws.us-east-1.us-east-1b"


@pytest.fixture
def lab(make_yugabyte_lab: MakeLab) -> YugabyteLab:
    return make_yugabyte_lab()


def change(lab: YugabyteLab, *nodes: int, **columns: object) -> None:
    """List these nodes alone, the last one with other columns; have it noticed."""
    rows = [lab.row(node) for node in nodes[:-1]] + [lab.row(nodes[-1], **columns)]
    lab.set_topology(rows)
    Cluster(lab.dsn()).refresh()


def test_a_node_that_was_added_catches_up(lab: YugabyteLab, world: World) -> None:
    lab.set_topology([lab.row(0), lab.row(1)])
    world.open(6, lab.dsn(load_balance="true"))
    assert lab.counts() == (3, 3, 0)

    change(lab, 0, 1, 2)
    world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 4, 4)


def test_a_node_that_was_removed_gets_nothing(lab: YugabyteLab, world: World) -> None:
    world.open(3, lab.dsn(load_balance="true"))

    change(lab, 0, 2)
    world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 1, 4)
    assert [n.load for n in Cluster(lab.dsn()).topology().nodes] == [4, 4]


def test_the_count_of_a_node_survives_its_absence(
    lab: YugabyteLab, world: World
) -> None:
    """Missing from one list and back in the next."""
    world.open(9, lab.dsn(load_balance="true"))

    change(lab, 0, 1)
    change(lab, 0, 1, 2)
    world.open(3, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 4, 4)


def test_a_node_that_moves_to_another_zone_is_followed(
    lab: YugabyteLab, world: World
) -> None:
    dsn = lab.dsn(load_balance="true", topology_keys=B)
    world.open(3, dsn)
    assert lab.counts() == (0, 0, 3)

    change(lab, 0, 2, 1, zone="us-east-1b")
    world.open(3, dsn)

    assert lab.counts() == (0, 3, 3)


def test_a_node_that_becomes_a_read_replica_is_followed(
    lab: YugabyteLab, world: World
) -> None:
    dsn = lab.dsn(load_balance="only-primary")
    world.open(3, dsn)

    change(lab, 0, 1, 2, node_type="read_replica")
    world.open(4, dsn)

    assert lab.counts() == (3, 3, 1)


def test_without_being_told_a_change_is_noticed_when_the_interval_is_over(
    lab: YugabyteLab, world: World
) -> None:
    dsn = lab.dsn(load_balance="true", yb_servers_refresh_interval="0")
    lab.set_topology([lab.row(0), lab.row(1)])
    world.open(2, dsn)
    lab.set_topology([lab.row(n) for n in range(3)])
    cluster = Cluster(dsn)

    world.open(1, dsn)  # goes by the last list, and has the next one read
    world.wait(lambda: len(cluster.topology().nodes) == 3)
    world.open(3, dsn)

    lab.wait_counts((2, 2, 2))  # those that read the list are gone in a moment


def test_a_row_that_makes_no_sense_is_left_out(
    lab: YugabyteLab, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.open(3, lab.dsn(load_balance="true"))
    for nonsense in ({"zone": None}, {"host": ""}, {"port": 0}, {"cloud": " "}):
        caplog.clear()
        change(lab, 0, 1, 2, **nonsense)
        assert "a row of yb_servers() is left out" in caplog.text
        world.open(2, lab.dsn(load_balance="true"))
    assert lab.counts() == (5, 5, 1)

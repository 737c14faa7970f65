"""However a connection ends, the count follows the servers."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import TYPE_CHECKING

import pytest

from moorline.yugabyte import Cluster, psycopg

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab


def loads(cluster: Cluster) -> tuple[int, ...]:
    return tuple(node.load for node in cluster.topology().nodes)


def test_garbage_collected_connections_leave_the_count(
    lab: YugabyteLab, world: World
) -> None:
    world.open(6, lab.dsn(load_balance="true"))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # psycopg's, and right
        world.opened.clear()
        gc.collect()

    assert loads(Cluster(lab.dsn())) == (0, 0, 0)
    lab.wait_counts((0, 0, 0))


def test_broken_connections_leave_the_count(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true")
    conns = [psycopg.connect(dsn, autocommit=True) for _ in range(9)]
    lab.terminate(1)
    for conn in conns:
        if conn.info.host == lab.nodes[1].host:
            with pytest.raises(psycopg.OperationalError):
                conn.execute("select 1")

    assert loads(Cluster(dsn)) == (3, 0, 3)
    conns += [psycopg.connect(dsn) for _ in range(3)]
    assert lab.counts() == (3, 3, 3)
    for conn in conns:
        conn.close()


def test_a_pool_that_replaces_broken_connections_stays_even(lab: YugabyteLab) -> None:
    """As in the vendor's driver, whose count drifts with each replacement."""
    cluster = Cluster(lab.dsn())
    dsn = lab.dsn(load_balance="true")
    conns = [psycopg.connect(dsn) for _ in range(6)]
    for _ in range(3):
        lab.terminate(0)
        for index, conn in enumerate(conns):
            try:
                conn.execute("select 1")
            except psycopg.OperationalError:
                conns[index] = psycopg.connect(dsn)
        assert lab.counts() == loads(cluster) == (2, 2, 2)
    for conn in conns:
        conn.close()
    assert loads(cluster) == (0, 0, 0)


async def test_a_cancelled_connect_leaves_the_count(make_yugabyte_lab: MakeLab) -> None:
    lab = make_yugabyte_lab(nodes=1, placements=["aws.us-east-1.us-east-1a"])
    cluster = Cluster(lab.dsn())
    assert loads(cluster) == (0,)
    lab.pause(0)
    connecting = asyncio.create_task(
        psycopg.AsyncConnection.connect(lab.dsn(load_balance="true"))
    )
    while loads(cluster) != (1,):  # noqa: ASYNC110 - nothing tells of a reservation
        await asyncio.sleep(0)

    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    assert loads(cluster) == (0,)
    lab.start(0)
    lab.wait_counts((0,))


def test_connections_that_their_server_ended_leave_the_count_unused(
    lab: YugabyteLab, world: World
) -> None:
    """psycopg itself finds out when it next uses them."""
    dsn = lab.dsn(load_balance="true")
    cluster = Cluster(dsn)
    world.open(12, dsn)
    lab.terminate(0)
    lab.wait_counts((0, 4, 4))

    world.wait(lambda: loads(cluster) == (0, 4, 4))
    world.open(4, dsn)

    assert lab.counts() == loads(cluster) == (4, 4, 4)

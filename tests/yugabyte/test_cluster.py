"""The handle on a cluster."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab


def test_topology_tells_what_the_cluster_lists(lab: YugabyteLab, world: World) -> None:
    cluster = Cluster(lab.dsn())
    world.open(3, lab.dsn(load_balance="true"))

    topology = cluster.topology()

    assert [(n.host, n.port, n.placement) for n in topology.nodes] == [
        (n.host, n.port, n.placement) for n in lab.nodes
    ]
    assert {(n.role, n.load, n.health) for n in topology.nodes} == {
        ("primary", 1, "up")
    }
    assert topology.universe == lab.universe_uuid
    assert topology.age >= 0
    for node in lab.nodes:
        assert f"{node.host}:{node.port}  {node.placement}" in str(topology)


def test_explain_agrees_with_the_next_connection(
    lab: YugabyteLab, world: World
) -> None:
    keys = "aws.us-east-1.us-east-1b:1,aws.us-east-1.*:2"
    dsn = lab.dsn(load_balance="true", topology_keys=keys)
    explanation = Cluster(dsn).explain()

    (conn,) = world.open(1, dsn)

    (candidate,) = explanation.candidates
    assert world.host(conn) == candidate.host
    assert [n.excluded for n in explanation.nodes[1:]] == [
        "priority 1: aws.us-east-1.us-east-1b comes first"
    ] * 2
    assert f"topology_keys={keys}" in str(explanation)
    assert "least-loaded" in str(explanation)
    assert explanation.hint == ""


def test_explain_knows_the_key_that_was_meant(lab: YugabyteLab) -> None:
    cluster = Cluster(lab.dsn(), topology_keys="aws.us-east-1.us-est-1a")
    assert "did you mean aws.us-east-1.us-east-1a?" in cluster.explain().hint


def test_refresh_sees_nodes_come_and_go(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(load_balance="true")
    cluster = Cluster(dsn)
    rows = lab.topology()
    lab.set_topology(rows[:2])
    world.open(4, dsn)
    assert lab.counts() == (2, 2, 0)

    lab.set_topology(rows[1:])
    cluster.refresh()
    world.open(4, dsn)

    assert lab.counts() == (2, 3, 3)
    assert len(cluster.topology().nodes) == 2


def test_the_list_is_refreshed_behind_the_callers_back(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(load_balance="true", yb_servers_refresh_interval="0")
    rows = lab.topology()
    lab.set_topology(rows[:1])
    world.open(1, dsn)
    lab.set_topology(rows)

    cluster = Cluster(dsn)
    while len(cluster.topology().nodes) < 3:
        pass

    world.open(2, dsn)
    lab.wait_counts((1, 1, 1))  # a reading of the list may still be under way


def first(loads: Sequence[int], _dice: Callable[[], float], /) -> int:
    return 0


def test_a_picker_of_ones_own_decides(lab: YugabyteLab, world: World) -> None:
    cluster = Cluster(lab.dsn(), picker=first)
    world.open(3, lab.dsn(load_balance="true"))
    assert lab.counts() == (3, 0, 0)
    assert "first" in str(cluster.explain())


def test_a_picker_goes_by_its_name(lab: YugabyteLab) -> None:
    cluster = Cluster(lab.dsn(), picker="uniform")
    assert "uniform" in str(cluster.explain())
    Cluster(lab.dsn())
    assert "uniform" in str(cluster.explain())
    with pytest.raises(ConfigError, match="least-loaded, uniform"):
        Cluster(lab.dsn(), picker="round-robin")


@pytest.mark.parametrize(
    ("conninfo", "options"),
    [("host=h", {"load_balance": False}), ("host=h load_balance=false", {})],
)
def test_a_cluster_balances(conninfo: str, options: dict[str, bool]) -> None:
    with pytest.raises(ConfigError, match="leave load_balance=false out"):
        Cluster(conninfo, **options)


def test_handles_share_what_is_known(lab: YugabyteLab, world: World) -> None:
    world.open(3, lab.dsn(load_balance="true"))
    one, other = Cluster(lab.dsn()), Cluster(lab.dsn(), topology_keys="aws.*.*")
    assert [n.load for n in one.topology().nodes] == [1, 1, 1]
    assert one.topology().nodes[0].load == other.topology().nodes[0].load


def test_repr_names_the_contact_points(lab: YugabyteLab, secret: str) -> None:
    node = lab.nodes[0]
    cluster = Cluster(lab.dsn(), password=secret)
    assert repr(cluster) == f"<Cluster at {node.host}:{node.port}: 0 nodes known>"


def test_making_a_handle_connects_to_nothing(lab: YugabyteLab) -> None:
    before = lab.accepted(0)
    cluster = Cluster(lab.dsn())
    assert lab.accepted(0) == before
    cluster.topology()
    assert lab.accepted(0) == before + 1


ASYNCPG_ALONE = """
    import asyncio, sys
    sys.modules["psycopg"] = None
    from moorline.yugabyte import Cluster, asyncpg

    async def main(dsn):
        conns = [await asyncpg.connect(dsn) for _ in range(3)]
        cluster = Cluster(dsn)  # in a running loop, as in a notebook
        cluster.refresh()
        assert [node.load for node in cluster.topology().nodes] == [1, 1, 1]
        assert len(cluster.explain().candidates) == 3
        for conn in conns:
            await conn.close()

    asyncio.run(main(sys.argv[1]))
    assert len(Cluster(sys.argv[1]).topology().nodes) == 3
"""


def test_asyncpg_alone_is_enough(lab: YugabyteLab) -> None:
    script = textwrap.dedent(ASYNCPG_ALONE)
    dsn = lab.dsn(load_balance="true")
    subprocess.run([sys.executable, "-W", "error", "-c", script, dsn], check=True)

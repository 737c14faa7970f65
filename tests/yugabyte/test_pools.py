"""Pools, filled evenly on psycopg_pool and asyncpg; and nodes that are drained."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import asyncpg as plain_asyncpg
import psycopg as plain_psycopg
import psycopg_pool
import pytest

from moorline.errors import ConfigError, NoNodeAvailable
from moorline.yugabyte import Cluster, asyncpg, psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import World
    from moorline.lab import YugabyteLab

SIZE = 9


class Pool:
    """One pool of whatever kind, used alike."""

    def __init__(self, world: World, dsn: str, **options: Any) -> None:
        self.world = world
        sizes = {"min_size": SIZE, "max_size": SIZE + 3, **options}
        self.it: Any
        if world.way == "sync":
            self.it = psycopg.ConnectionPool(dsn, open=True, **sizes)
            self.it.wait()
        elif world.way == "async":
            self.it = psycopg.AsyncConnectionPool(dsn, open=False, **sizes)
            world.run(self.it.open(wait=True))
        else:
            self.it = world.run(self._of_asyncpg(dsn, sizes))

    @staticmethod
    async def _of_asyncpg(dsn: str, sizes: dict[str, Any]) -> Any:
        return await asyncpg.create_pool(dsn, **sizes)

    def take(self, count: int) -> list[Any]:
        pool, run = self.it, self.world.run
        return [
            run(_acquired(pool) if self.world.way == "asyncpg" else pool.getconn())
            for _ in range(count)
        ]

    def give(self, conns: list[Any]) -> None:
        for conn in conns:
            give = getattr(self.it, "putconn", None) or self.it.release
            self.world.run(give(conn))

    def close(self) -> None:
        self.world.run(self.it.close())


async def _acquired(pool: Any) -> Any:
    return await pool.acquire()


@pytest.fixture
def pool(lab: YugabyteLab, world: World) -> Iterator[Pool]:
    pool = Pool(world, lab.dsn(load_balance="true"))
    yield pool
    pool.close()
    lab.wait_counts((0, 0, 0))


def loads(lab: YugabyteLab) -> tuple[int, ...]:
    return tuple(node.load for node in Cluster(lab.dsn()).topology().nodes)


def test_a_pool_is_filled_grown_and_emptied_evenly(
    lab: YugabyteLab, world: World
) -> None:
    before = sum(map(lab.accepted, range(3)))
    pool = Pool(world, lab.dsn(load_balance="true"))
    assert lab.counts() == loads(lab) == (3, 3, 3)

    taken = pool.take(SIZE + 3)
    assert lab.counts() == loads(lab) == (4, 4, 4)
    # One more read the list of nodes.
    assert sum(map(lab.accepted, range(3))) - before == SIZE + 3 + 1
    pool.give(taken)
    assert loads(lab) == (4, 4, 4)
    pool.close()
    lab.wait_counts((0, 0, 0))
    assert loads(lab) == (0, 0, 0)


def test_pools_and_direct_connections_share_counts(
    lab: YugabyteLab, pool: Pool
) -> None:
    keys = "aws.us-east-1.us-east-1b"
    pool.world.open(6, lab.dsn(load_balance="true", topology_keys=keys))
    assert lab.counts() == (3, 3, 9)

    other = Pool(pool.world, lab.dsn(load_balance="true"), min_size=6)
    assert lab.counts() == (6, 6, 9)
    other.close()
    pool.world.close()


def test_they_are_the_real_pools(pool: Pool) -> None:
    kinds = {
        "sync": psycopg_pool.ConnectionPool,
        "async": psycopg_pool.AsyncConnectionPool,
        "asyncpg": plain_asyncpg.Pool,
    }
    assert isinstance(pool.it, kinds[pool.world.way])
    (conn,) = pool.take(1)
    assert pool.world.fetch(conn, "select 1") == 1
    pool.give([conn])


def test_a_connection_class_that_chooses_no_node_is_refused() -> None:
    with pytest.raises(ConfigError, match="it chooses no node; derive it from"):
        psycopg.ConnectionPool("", connection_class=plain_psycopg.Connection)
    mine = type("Mine", (psycopg.Connection,), {})
    pool = psycopg.ConnectionPool("", connection_class=mine, open=False)
    assert pool.connection_class is mine
    with pytest.raises(ConfigError):
        psycopg.AsyncConnectionPool("", connection_class=psycopg.Connection)


def test_null_pools_are_balanced_too(lab: YugabyteLab) -> None:
    with psycopg.NullConnectionPool(lab.dsn(load_balance="true"), open=True) as pool:
        conns = [pool.getconn() for _ in range(6)]
        assert lab.counts() == (2, 2, 2)
        for conn in conns:
            pool.putconn(conn)
    lab.wait_counts((0, 0, 0))


async def test_asyncs_null_pools_are_balanced_too(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true")
    async with psycopg.AsyncNullConnectionPool(dsn, open=False) as pool:
        conns = [await pool.getconn() for _ in range(6)]
        assert lab.counts() == (2, 2, 2)
        for conn in conns:
            await pool.putconn(conn)


def test_a_pool_takes_functions_for_what_changes(lab: YugabyteLab) -> None:
    """As psycopg_pool does: asked at each connect."""
    asked = []

    def conninfo() -> str:
        asked.append(1)
        return lab.dsn(load_balance="true")

    with psycopg.ConnectionPool(conninfo, min_size=3, open=True) as pool:
        pool.wait()
        lab.wait_counts((1, 1, 1))
    assert len(asked) == 3


# Draining.


def test_a_drained_node_loses_the_idle_and_then_the_others(
    lab: YugabyteLab, pool: Pool
) -> None:
    taken = pool.take(SIZE)
    host = lab.nodes[1].host
    there = [conn for conn in taken if pool.world.host(conn) == host]
    pool.give([conn for conn in taken if conn not in there[:1]])
    cluster = Cluster(lab.dsn())

    cluster.drain(f"{host}:{lab.nodes[1].port}")
    pool.world.wait(lambda: lab.counts()[1] == 1 and sum(lab.counts()) >= SIZE)
    assert pool.world.fetch(there[0], "select 1") == 1
    pool.give(there[:1])
    pool.world.wait(lambda: lab.counts()[1] == 0 and sum(lab.counts()) >= SIZE)

    assert abs(lab.counts()[0] - lab.counts()[2]) <= 1
    assert cluster.topology().nodes[1].health == "drained, up"
    assert "no: drained" in str(cluster.explain())
    cluster.undrain(host)
    assert host in [node.host for node in cluster.explain().candidates]


def test_a_drained_node_gets_no_new_connections(lab: YugabyteLab, world: World) -> None:
    cluster = Cluster(lab.dsn())
    world.open(3, lab.dsn(load_balance="true"))
    cluster.drain(cluster.topology().nodes[2])
    world.open(4, lab.dsn(load_balance="true"))
    assert lab.counts() == (3, 3, 1)  # what is open stays

    cluster.refresh()
    world.open(2, lab.dsn(load_balance="true"))
    assert lab.counts() == (4, 4, 1)

    cluster.undrain(cluster.topology().nodes[2])
    world.open(3, lab.dsn(load_balance="true"))
    assert lab.counts() == (4, 4, 4)


def test_when_all_nodes_are_drained_the_error_says_so(
    lab: YugabyteLab, world: World
) -> None:
    cluster = Cluster(lab.dsn())
    for node in cluster.topology().nodes:
        cluster.drain(node)
    with pytest.raises(NoNodeAvailable) as caught:
        world.open(1, lab.dsn(load_balance="true"))
    assert str(caught.value).count("not tried: drained") == 3
    lab.wait_counts((0, 0, 0))


def test_a_node_that_is_not_there_cannot_be_drained(lab: YugabyteLab) -> None:
    cluster = Cluster(lab.dsn())
    with pytest.raises(ConfigError, match="0 nodes are called so; there are 127"):
        cluster.drain("127.0.0.9:5433")


def test_a_pool_that_lets_go_does_not_cry(
    lab: YugabyteLab, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside what psycopg_pool says of each connection that it discards."""
    pool = Pool(world, lab.dsn(load_balance="true"))
    Cluster(lab.dsn()).drain(lab.nodes[0].host)
    world.wait(lambda: lab.counts()[0] == 0 and sum(lab.counts()) >= SIZE)
    pool.close()
    ours = [r for r in caplog.records if r.name.startswith("moorline")]
    assert not [r for r in ours if r.levelno >= logging.WARNING]


async def test_a_pool_is_left_in_peace_by_drained_connections_of_others(
    lab: YugabyteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those outside of pools stay, and no release has anything to do with them."""
    dsn = lab.dsn(load_balance="true")
    single = [await asyncpg.connect(dsn) for _ in range(3)]
    Cluster(lab.dsn()).drain(lab.nodes[0].host)
    pool = await asyncpg.create_pool(dsn, min_size=2, max_size=2)
    retired: list[int] = []
    monkeypatch.setattr(pool, "retire", lambda: retired.append(1))
    conn = await pool.acquire()
    await pool.release(conn)
    await pool.release(conn)  # again is nothing, as in asyncpg
    assert retired == []
    await pool.close()
    for conn in single:
        await conn.close()

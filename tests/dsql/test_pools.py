"""The drivers' own pools, whose connections retire before the service ends them."""

from __future__ import annotations

import asyncio
import gc
import select
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import asyncpg as plain_asyncpg
import psycopg_pool
import pytest

from moorline import dsql
from moorline.dsql import asyncpg, lifetime, psycopg
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import DsqlLab
    from tests.dsql.conftest import World

    Reach = Callable[..., DsqlLab]

HOUR = 3600.0


class Clock:
    """The time by which connections age: put forward instead of waited for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lifetime, "time", clock)
    return clock


def backend(world: World, conn: Any) -> int:
    """Return what tells one connection from another."""
    return world.fetch(conn, "select pg_backend_pid()")


def socket_of(conn: Any) -> int:
    """Return the descriptor of a connection."""
    if hasattr(conn, "pgconn"):
        return conn.pgconn.socket
    return conn._con._transport.get_extra_info("socket").fileno()


def is_hung_up(descriptor: int) -> bool:
    """Tell whether the server has hung up, and the news is here."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    return bool(poll.poll(0))


def backends(world: World, pool: Any, count: int) -> set[int]:
    """Take so many connections at once, use each, and give them back."""
    taken = [world.take(pool) for _ in range(count)]
    found = {backend(world, conn) for conn in taken}
    for conn in taken:
        world.give(pool, conn)
    return found


def test_they_are_the_real_pools(cluster: DsqlLab, world: World) -> None:
    kinds = {
        "sync": psycopg_pool.ConnectionPool,
        "async": psycopg_pool.AsyncConnectionPool,
        "asyncpg": plain_asyncpg.Pool,
    }
    pool = world.pool(cluster, min_size=2)

    assert isinstance(pool, kinds[world.way])
    assert len(backends(world, pool, 2)) == 2
    assert cluster.accepted == 2

    world.close_pool(pool)
    cluster.wait_connections(0)


def test_pools_may_be_entered(cluster: DsqlLab, world: World) -> None:
    where = f"host={cluster.endpoint} port={cluster.port}"

    async def of_asyncpg() -> int:
        async with (
            asyncpg.create_pool(where, min_size=1, max_size=1) as pool,
            pool.acquire() as conn,
        ):
            return await conn.fetchval("select 1")

    async def of_psycopg() -> int:
        async with (
            psycopg.AsyncConnectionPool(where, min_size=1) as pool,
            pool.connection() as conn,
        ):
            cursor = await conn.execute("select 1")
            return (await cursor.fetchone())[0]

    match world.way:
        case "sync":
            with (
                psycopg.ConnectionPool(where, min_size=1) as pool,
                pool.connection() as conn,
            ):
                assert conn.execute("select 1").fetchone() == (1,)
        case "async":
            assert world.run(of_psycopg()) == 1
        case _:
            assert world.run(of_asyncpg()) == 1
    cluster.wait_connections(0)


@pytest.mark.parametrize("take", [1, 4])
def test_connections_that_were_killed_while_idle_are_replaced(
    cluster: DsqlLab, world: World, take: int
) -> None:
    pool = world.pool(cluster, min_size=4)
    taken = [world.take(pool) for _ in range(4)]
    before = {backend(world, conn) for conn in taken}
    sockets = [socket_of(conn) for conn in taken]
    for conn in taken:
        world.give(pool, conn)

    assert cluster.faults.kill_idle() == 4
    cluster.wait_connections(0)
    while not all(map(is_hung_up, sockets)):  # and the loop has no turn meanwhile
        time.sleep(0.001)

    after = backends(world, pool, take)
    assert len(after) == take
    assert not after & before


def test_the_services_own_limit_shows_nowhere(cluster: DsqlLab, world: World) -> None:
    """Sessions end when they are half a second old, and are retired before."""
    cluster.faults.limit_age(0.5)
    pool = world.pool(cluster, min_size=2, max_lifetime=0.25)
    seen = set()

    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        seen |= backends(world, pool, 2)

    assert len(seen) >= 4


def test_no_connection_is_handed_out_beyond_its_time(
    cluster: DsqlLab, world: World
) -> None:
    pool = world.pool(cluster, min_size=2, max_lifetime=0.2)

    until = time.monotonic() + 0.7
    while (began := time.monotonic()) < until:
        conn = world.take(pool)
        assert began - conn.age.opened_at < 0.2
        world.give(pool, conn)


def test_a_connection_that_is_due_is_retired_by_who_asks_next(
    cluster: DsqlLab, world: World, clock: Clock
) -> None:
    pool = world.pool(cluster, min_size=3, max_size=3)
    before = backends(world, pool, 3)
    clock.ahead += 44 * 60
    assert backends(world, pool, 3) == before

    clock.ahead += 11 * 60

    after = backends(world, pool, 3)
    assert len(after) == 3
    assert not after & before
    cluster.wait_connections(3)


def test_ages_are_spread(cluster: DsqlLab, world: World, clock: Clock) -> None:
    """After 50 minutes about half of the connections are due; here six of twelve."""
    pool = world.pool(cluster, min_size=12, max_size=12)
    taken = [world.take(pool) for _ in range(12)]
    for number, conn in enumerate(taken):
        inner = getattr(conn, "_con", conn)  # asyncpg's pool hands out proxies
        inner.age = inner.age._replace(dice=number / 12)
    before = {backend(world, conn) for conn in taken}
    for conn in taken:
        world.give(pool, conn)

    clock.ahead += 50 * 60

    assert len(backends(world, pool, 12) & before) == 6


def test_idle_connections_are_retired_in_the_background(
    cluster: DsqlLab, world: World
) -> None:
    world.pool(cluster, min_size=3, max_size=3, max_lifetime=0.2)
    first = cluster.accepted

    world.wait(lambda: cluster.accepted >= first + 6)  # each of them twice
    world.wait(lambda: cluster.connections == 3)


def test_a_connection_in_use_is_not_cut(
    cluster: DsqlLab, world: World, clock: Clock
) -> None:
    pool = world.pool(cluster, min_size=2)
    busy = world.take(pool)
    number = backend(world, busy)

    clock.ahead += HOUR
    world.run(pool.retire())

    assert backend(world, busy) == number
    world.give(pool, busy)
    assert number not in backends(world, pool, 2)


@pytest.mark.parametrize("seconds", [0, -1, 3301, 3600, float("nan"), float("inf")])
def test_a_lifetime_that_the_service_does_not_leave_is_refused(
    cluster: DsqlLab, world: World, seconds: float
) -> None:
    with pytest.raises(ConfigError, match="write seconds, up to 3300") as raised:
        world.pool(cluster, max_lifetime=seconds)

    assert isinstance(raised.value, world.misuse)
    assert cluster.logins == ()


def test_a_pool_of_ten_asks_for_credentials_once(
    dsql_lab: DsqlLab, world: World, reach: Reach
) -> None:
    with dsql_lab.credentials_endpoint(delay=0.2) as endpoint:
        reach(dsql_lab, endpoint.environment())

        world.pool(dsql_lab, min_size=10, max_size=10)

        assert endpoint.requests == 1
    dsql_lab.wait_connections(10)
    assert {seen.reason for seen in dsql_lab.logins} == {""}


def test_credentials_and_files_are_read_off_the_loop(
    cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[bool] = []

    def note() -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            where.append(False)
        else:
            where.append(True)

    def provider() -> tuple[str, str, str]:
        note()
        return cluster.access_key, cluster.secret_key, cluster.session_token

    def roots(given: str = "") -> str:
        note()
        return cluster.ca_file

    monkeypatch.setattr("moorline.dsql.resolve.roots_file", roots)
    world.connect(cluster, credentials_provider=provider)

    assert where == [False, False]


def test_pools_and_single_connects_share_the_pace(
    cluster: DsqlLab, world: World
) -> None:
    dsql.limit_connects(per_second=30, burst=2)
    cluster.faults.limit_rate(60, 3)

    world.pool(cluster, min_size=4)
    world.connect_at_once(3, cluster)

    assert cluster.accepted == 7
    assert cluster.refused == 0


def test_a_closed_pool_leaves_no_thread_behind(cluster: DsqlLab, world: World) -> None:
    pool = world.pool(cluster, min_size=2)
    world.close_pool(pool)

    world.wait(lambda: not retiring())


def test_a_pool_that_was_dropped_is_gone(cluster: DsqlLab, world: World) -> None:
    pool = world.pool(cluster, min_size=1)
    world.run(pool.close())
    world.pools.remove(pool)
    gone = weakref.ref(pool)

    del pool
    gc.collect()

    assert gone() is None


@pytest.mark.parametrize("world", ["sync"], indirect=True)
def test_a_blocking_pool_may_be_dropped_without_being_closed(
    cluster: DsqlLab, world: World
) -> None:
    """asyncio's pools have tasks that know them."""
    pool = world.pool(cluster, min_size=1)
    world.pools.remove(pool)
    gone = weakref.ref(pool)

    del pool
    gc.collect()
    world.wait(lambda: gone() is None)

    world.wait(lambda: not retiring())


def retiring() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "moorline-retire"]

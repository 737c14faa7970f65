"""The scenarios of YugabyteDB's own drivers with pools, on real servers.

They are the cases of `tests/spec/pool_scenarios.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorline.yugabyte import asyncpg, psycopg
from tests.spec.cases import read, rounds_of
from tests.yugabyte.play import Play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Clock, World
    from moorline.lab import YugabyteLab

SCENARIOS = [*read("pool_scenarios.toml")]
MOST = 15  # connections of a pool


@pytest.fixture
def pools(world: World) -> Iterator[Pools]:
    pools = Pools(world)
    yield pools
    pools.close()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for _, case in SCENARIOS]
)
def test_scenario(
    case: dict[str, Any], whole: YugabyteLab, world: World, clock: Clock, pools: Pools
) -> None:
    play = PoolPlay(pools, case, whole, world, clock)
    for one in rounds_of(case):
        play.round(one)


class PoolPlay(Play):
    """One case as it goes on, with pools."""

    def __init__(self, pools: Pools, *args: Any) -> None:
        super().__init__(*args)
        self.pools = pools

    def sessions(self) -> int:
        return super().sessions() + self.pools.size()

    def change(self, one: dict[str, Any]) -> None:
        super().change(one)
        if "pool" in one:
            self.pools.open(one["pool"], self.dsn, self.options)
        for _ in range(one.get("take", 0)):
            self.pools.take()
        if one.get("give"):
            self.pools.give()
        if one.get("close"):
            self.pools.close()


class Pools:
    """Pools of one way to connect."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pools: list[Any] = []
        self.taken: list[tuple[Any, Any]] = []

    def open(self, size: int, dsn: str, options: dict[str, Any]) -> None:
        """Open a pool of that many connections, and wait for them."""
        make = getattr(self, f"_{self.world.way}")
        self.pools.append(make(dsn, options, min_size=size, max_size=MOST))

    def _sync(self, dsn: str, options: dict[str, Any], **sizes: int) -> Any:
        pool = psycopg.ConnectionPool(dsn, kwargs=options, open=True, **sizes)
        pool.wait()
        return pool

    def _async(self, dsn: str, options: dict[str, Any], **sizes: int) -> Any:
        async def opened() -> Any:
            pool = psycopg.AsyncConnectionPool(dsn, kwargs=options, open=False, **sizes)
            await pool.open(wait=True)
            return pool

        return self.world.run(opened())

    def _asyncpg(self, dsn: str, options: dict[str, Any], **sizes: int) -> Any:
        async def opened() -> Any:
            return await asyncpg.create_pool(dsn, **options, **sizes)

        return self.world.run(opened())

    @property
    def _names(self) -> tuple[str, str]:
        of_asyncpg = self.world.way == "asyncpg"
        return ("acquire", "release") if of_asyncpg else ("getconn", "putconn")

    def take(self) -> None:
        """Take a connection from the last pool."""
        pool = self.pools[-1]
        conn = self.world.run(getattr(pool, self._names[0])())
        self.taken.append((pool, conn))

    def give(self) -> None:
        """Give all connections back."""
        while self.taken:
            pool, conn = self.taken.pop()
            self.world.run(getattr(pool, self._names[1])(conn))

    def size(self) -> int:
        """Count the connections of all pools, as the pools do."""
        if self.world.way == "asyncpg":
            return sum(pool.get_size() for pool in self.pools)
        return sum(pool.get_stats()["pool_size"] for pool in self.pools)

    def close(self) -> None:
        """Close all pools."""
        self.give()
        while self.pools:
            self.world.run(self.pools.pop().close())

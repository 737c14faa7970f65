"""Ways to open many connections, and a process that knows no cluster yet."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from moorline.yugabyte import environment, psycopg, registry, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import YugabyteLab


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test as a process that knows no cluster and has no settings."""
    for name in os.environ:
        if name.startswith(("PG", "MOORLINE_YB_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(registry, "_states", {})
    monkeypatch.setattr(resolve, "variables", environment.Variables())
    resolve._resolve.cache_clear()


@pytest.fixture
def lab(yugabyte_lab: YugabyteLab) -> YugabyteLab:
    """The shared three nodes, without a client."""
    yugabyte_lab.wait_counts((0,) * len(yugabyte_lab.nodes))
    return yugabyte_lab


class World:
    """One way to open connections; closes what it opened."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.opened: list[Any] = []
        self._runner = asyncio.Runner()

    def open(self, count: int, conninfo: str, **options: Any) -> list[Any]:
        """Open that many, by way of the world: in turn, or all at once."""
        conns = getattr(self, f"_{self.way}")(count, conninfo, options)
        self.opened += conns
        self._runner.run(_settled())
        return conns

    def close(self, conns: list[Any] | None = None) -> None:
        """Close these connections, or all of them."""
        for conn in self.opened[:] if conns is None else conns:
            self.opened.remove(conn)
            if isinstance(conn, psycopg.AsyncConnection):
                self._runner.run(conn.close())
            else:
                conn.close()

    def end(self) -> None:
        self.close()
        self._runner.close()

    def _sync(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        return [psycopg.connect(conninfo, **options) for _ in range(count)]

    def _threads(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            jobs = [
                pool.submit(psycopg.connect, conninfo, **options) for _ in range(count)
            ]
        return [job.result() for job in jobs]

    def _async(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        async def all_in_turn() -> list[Any]:
            connect = psycopg.AsyncConnection.connect
            return [await connect(conninfo, **options) for _ in range(count)]

        return self._runner.run(all_in_turn())

    def _tasks(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        async def all_at_once() -> list[Any]:
            connect = psycopg.AsyncConnection.connect
            return await asyncio.gather(
                *(connect(conninfo, **options) for _ in range(count))
            )

        return self._runner.run(all_at_once())

    def _mixed(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        """Half of them in threads while the other half are tasks of a loop."""
        half = count // 2
        with ThreadPoolExecutor(1) as pool:
            tasks = pool.submit(self._tasks, half, conninfo, options)
            return self._threads(count - half, conninfo, options) + tasks.result()


async def _settled() -> None:
    """Let tasks in the background end: a loop that does not run holds them up."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


def _world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.end()


# Both kinds of connection, one after the other; and every way to open many.
world = pytest.fixture(params=["sync", "async"])(_world)
any_world = pytest.fixture(params=["sync", "threads", "async", "tasks", "mixed"])(
    _world
)

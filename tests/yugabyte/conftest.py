"""Ways to open many connections, and a process that knows no cluster yet."""

from __future__ import annotations

import asyncio
import inspect
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from moorline.yugabyte import asyncpg, environment, psycopg, registry, resolve

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


# psycopg's names of parameters as asyncpg has them; "" for what it does not have.
ASYNCPG = {
    "connect_timeout": "timeout",
    "dbname": "database",
    "gssencmode": "",
    "sslmode": "ssl",
}


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
            self.run(conn.close())

    def run(self, result: Any) -> Any:
        """Return a result, in the world's loop if it is to be awaited."""
        return self._runner.run(result) if inspect.isawaitable(result) else result

    def fetch(self, conn: Any, sql: str) -> Any:
        """Return the first value that a query gives."""
        if isinstance(conn, asyncpg.Connection):
            return self.run(conn.fetchval(sql))
        cursor = self.run(conn.execute(sql))
        return self.run(cursor.fetchone())[0]

    def host(self, conn: Any) -> str:
        """Return the address of the node, as the server says."""
        return self.fetch(conn, "select host(inet_server_addr())")

    @property
    def outage(self) -> type[Exception]:
        """What the driver raises when no server can be reached."""
        return OSError if self._of_asyncpg else psycopg.OperationalError

    @property
    def refusal(self) -> type[Exception]:
        """What the driver raises when a server refuses."""
        return asyncpg.PostgresError if self._of_asyncpg else psycopg.OperationalError

    @property
    def _of_asyncpg(self) -> bool:
        return self.way.startswith("asyncpg")

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
        connect = psycopg.AsyncConnection.connect
        return self.run(_in_turn(count, connect, conninfo, options))

    def _tasks(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        connect = psycopg.AsyncConnection.connect
        return self.run(_at_once(count, connect, conninfo, options))

    def _asyncpg(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        return self.run(
            _in_turn(count, asyncpg.connect, conninfo, for_asyncpg(options))
        )

    def _asyncpg_tasks(
        self, count: int, conninfo: str, options: dict[str, Any]
    ) -> list[Any]:
        return self.run(
            _at_once(count, asyncpg.connect, conninfo, for_asyncpg(options))
        )

    def _mixed(self, count: int, conninfo: str, options: dict[str, Any]) -> list[Any]:
        """A third of them in threads, while the others are tasks, of both drivers."""
        third = count // 3
        with ThreadPoolExecutor(1) as pool:
            rest = count - 2 * third
            threads = pool.submit(self._threads, rest, conninfo, options)
            tasks = self.run(_with_both_drivers(third, conninfo, options))
            return threads.result() + tasks


def for_asyncpg(options: dict[str, Any]) -> dict[str, Any]:
    """Return the same options in asyncpg's names."""
    renamed = {ASYNCPG.get(name, name): value for name, value in options.items()}
    renamed.pop("", None)
    return renamed


async def _in_turn(count: int, connect: Any, conninfo: str, options: Any) -> list[Any]:
    return [await connect(conninfo, **options) for _ in range(count)]


async def _at_once(count: int, connect: Any, conninfo: str, options: Any) -> list[Any]:
    return await asyncio.gather(*(connect(conninfo, **options) for _ in range(count)))


async def _with_both_drivers(count: int, conninfo: str, options: Any) -> list[Any]:
    of_psycopg, of_asyncpg = await asyncio.gather(
        _at_once(count, psycopg.AsyncConnection.connect, conninfo, options),
        _at_once(count, asyncpg.connect, conninfo, for_asyncpg(options)),
    )
    return of_psycopg + of_asyncpg


async def _settled() -> None:
    """Let tasks in the background end: a loop that does not run holds them up."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


def _world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.end()


# Every kind of connection, one after the other; and every way to open many.
psycopg_world = pytest.fixture(params=["sync", "async"])(_world)
world = pytest.fixture(params=["sync", "async", "asyncpg"])(_world)
any_world = pytest.fixture(
    params=["sync", "threads", "async", "tasks", "asyncpg", "asyncpg_tasks", "mixed"]
)(_world)

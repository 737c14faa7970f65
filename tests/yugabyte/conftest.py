"""Ways to open many connections, and a process that knows no cluster yet."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from moorline.lab import pytest_plugin
from moorline.yugabyte import asyncpg, environment, psycopg, registry, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.lab import Templates, YugabyteLab


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


@pytest.fixture(scope="session")
def nine(yugabyte_templates: Templates) -> Iterator[YugabyteLab]:
    """Nine nodes to stop and to start, to list in any way; see `whole`."""
    with pytest_plugin._lab({"nodes": 9, "templates": yugabyte_templates}) as lab:
        yield lab


@pytest.fixture
def whole(nine: YugabyteLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[YugabyteLab]:
    """The nine nodes as at first: all run, no client, three are listed."""
    touched: set[int] = set()
    for name in ("stop", "kill", "pause"):
        monkeypatch.setattr(nine, name, noting(touched, getattr(nine, name)))
    nine.set_topology([nine.row(node) for node in range(3)])
    empty(nine)
    yield nine
    for node in touched:
        nine.start(node)


def empty(lab: YugabyteLab) -> None:
    """End what a test left open, if it does not end by itself."""
    for _ in range(20):
        if not any(lab.counts()):
            return
    for node in lab.nodes:
        lab.terminate(node.index)


def noting(touched: set[int], act: Callable[[int], None]) -> Callable[[int], None]:
    """Return what does the same and notes to which node."""

    def act_and_note(node: int) -> None:
        touched.add(node)
        act(node)

    return act_and_note


class Clock:
    """The time as moorline sees it: a test puts it forward instead of sleeping."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give all of moorline's modules one clock, and let it be put forward."""
    clock = Clock()
    for name, module in [*sys.modules.items()]:
        ours = name.startswith(("moorline.shell.", "moorline.yugabyte."))
        if ours and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    return clock


# The names of moorline's threads, or of its tasks.
BACKGROUND = ("moorline-refresh", "moorline-drain")
# What a query raises whose connection is gone.
DEAD = (
    psycopg.OperationalError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
)

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

    def open_at_once(
        self, workers: int, count: int, conninfo: str, **options: Any
    ) -> list[Any]:
        """Open that many, by so many threads or tasks that share the work."""
        by = self._by_threads if self.way == "sync" else self._by_tasks
        conns = by(workers, count, conninfo, options)
        self.opened += conns
        return conns

    def drop_dead(self) -> None:
        """Use all connections once, and let go of those that turn out to be dead."""
        for conn in self.opened[:]:
            try:
                self.fetch(conn, "select 1")
            except DEAD:
                self.close([conn])

    def settle(self) -> None:
        """Wait until what goes on in the background, to refresh a list, is done."""
        for thread in _background_threads():
            thread.join()
        self._runner.run(_settled())

    def is_settled(self) -> bool:
        """Tell whether nothing goes on in the background."""
        return not (_background_threads() or self._runner.run(_background_tasks()))

    def close(self, conns: list[Any] | None = None) -> None:
        """Close these connections, or all of them."""
        going = self.opened[:] if conns is None else conns
        for conn in going:
            self.opened.remove(conn)
        self._runner.run(_awaited([conn.close() for conn in going]))

    def run(self, result: Any) -> Any:
        """Return a result, in the world's loop if it is to be awaited."""
        if not inspect.isawaitable(result):
            return result
        return self._runner.run(_result_of(result))

    def wait(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for what threads and tasks in the background bring about."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            self._runner.run(asyncio.sleep(0.01))

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
        return self._by_threads(count, count, conninfo, options)

    def _by_threads(
        self, workers: int, count: int, conninfo: str, options: dict[str, Any]
    ) -> list[Any]:
        with ThreadPoolExecutor(workers) as pool:
            jobs = [
                pool.submit(psycopg.connect, conninfo, **options) for _ in range(count)
            ]
        return [job.result() for job in jobs]

    def _by_tasks(
        self, workers: int, count: int, conninfo: str, options: dict[str, Any]
    ) -> list[Any]:
        connect: Any = psycopg.AsyncConnection.connect
        if self._of_asyncpg:
            connect, options = asyncpg.connect, for_asyncpg(options)
        return self.run(_shared_by(workers, count, connect, conninfo, options))

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


async def _shared_by(
    workers: int, count: int, connect: Any, conninfo: str, options: Any
) -> list[Any]:
    each, rest = divmod(count, workers)
    assert rest == 0
    shares = (_in_turn(each, connect, conninfo, options) for _ in range(workers))
    return [conn for conns in await asyncio.gather(*shares) for conn in conns]


async def _with_both_drivers(count: int, conninfo: str, options: Any) -> list[Any]:
    of_psycopg, of_asyncpg = await asyncio.gather(
        _at_once(count, psycopg.AsyncConnection.connect, conninfo, options),
        _at_once(count, asyncpg.connect, conninfo, for_asyncpg(options)),
    )
    return of_psycopg + of_asyncpg


async def _result_of(awaitable: Any) -> Any:
    return await awaitable


async def _awaited(results: list[Any]) -> None:
    await asyncio.gather(*filter(inspect.isawaitable, results))


def _background_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name in BACKGROUND]


async def _background_tasks() -> list[asyncio.Task[Any]]:
    return [t for t in asyncio.all_tasks() if t.get_name() in BACKGROUND]


async def _settled() -> None:
    """Let moorline's tasks end: a loop that does not run holds them up."""
    await asyncio.gather(*await _background_tasks())


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

"""A process that knows no token yet, a cluster, and three ways to connect to it."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from moorline.dsql import (
    asyncpg,
    asyncpg_tls,
    environment,
    own_driver,
    psycopg,
    registry,
    resolve,
)
from moorline.shell.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.lab import DsqlLab


@pytest.fixture(autouse=True)
def fresh_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Begin each test as a process that has no settings, no token and no plan."""
    for name in os.environ:
        if name.startswith(("AWS_", "PG", "SSL_CERT_")):
            monkeypatch.delenv(name)
    # What AWS's libraries would look for at home, and on the network.
    nowhere = str(tmp_path_factory.getbasetemp() / "no such file")
    monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    variables = Variables(environment.NAMES)
    for module in (environment, resolve, own_driver):
        monkeypatch.setattr(module, "environment", variables)
    for name in ("_sources", "_buckets"):
        monkeypatch.setattr(registry, name, {})
    monkeypatch.setattr(registry, "_rate", registry.RATE)
    for name in ("_plans", "_credentials"):
        monkeypatch.setattr(resolve, name, {})
    monkeypatch.setattr(own_driver, "_sources", {})
    asyncpg_tls._verifying.cache_clear()
    yield
    registry._renewal._due.clear()  # nobody wants those tokens any more


@pytest.fixture
def cluster(
    dsql_lab: DsqlLab, monkeypatch: pytest.MonkeyPatch, reach: Callable[..., DsqlLab]
) -> DsqlLab:
    """The shared cluster, in reach by its name, with credentials and its authority."""
    return reach(dsql_lab)


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., DsqlLab]]:
    """Bring a cluster in reach, with other variables for credentials if need be."""
    undo: list[Any] = []

    def do(lab: DsqlLab, variables: dict[str, str] | None = None) -> DsqlLab:
        names = lab.names()
        names.__enter__()
        undo.append(names)
        chosen = lab.environment() if variables is None else variables
        for name, value in {**chosen, "SSL_CERT_FILE": lab.ca_file}.items():
            monkeypatch.setenv(name, value)
        return lab

    yield do
    for names in reversed(undo):
        names.__exit__(None, None, None)


# psycopg's names of parameters as asyncpg has them.
ASYNCPG = {"connect_timeout": "timeout", "dbname": "database", "sslmode": "ssl"}
# Those that asyncpg's users write in the DSN.
IN_DSN = ("sslrootcert", "sslnegotiation", "options", "application_name", "hostaddr")


class World:
    """One way to open connections; closes what it opened."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.opened: list[Any] = []
        self.pools: list[Any] = []
        self._runner = asyncio.Runner()

    @property
    def of_asyncpg(self) -> bool:
        return self.way == "asyncpg"

    @property
    def refusal(self) -> type[Exception]:
        """What the driver raises when a cluster refuses."""
        return asyncpg.PostgresError if self.of_asyncpg else psycopg.OperationalError

    @property
    def misuse(self) -> type[Exception]:
        """What the driver raises for arguments that it does not take."""
        if self.of_asyncpg:
            return asyncpg.ClientConfigurationError
        return psycopg.ProgrammingError

    @property
    def no_password(self) -> type[Exception]:
        """What moorline's error for want of a token is besides."""
        return asyncpg.InterfaceError if self.of_asyncpg else psycopg.OperationalError

    @property
    def out_of_time(self) -> type[Exception]:
        """What the driver raises when its time limit is over."""
        if self.of_asyncpg:
            return TimeoutError
        return psycopg.errors.ConnectionTimeout

    def connect(self, lab: DsqlLab | None = None, dsn: str = "", **options: Any) -> Any:
        """Open a connection; to a cluster, unless the DSN says where."""
        conn = self.run(self._connecting(*self.written(lab, dsn, options)))
        self.opened.append(conn)
        return conn

    def connect_at_once(self, count: int, lab: DsqlLab, **options: Any) -> list[Any]:
        """Open so many, by eight threads or by as many tasks."""
        dsn, arguments = self.written(lab, "", options)
        if self.way == "sync":
            with ThreadPoolExecutor(8) as pool:
                jobs = [
                    pool.submit(self._connecting, dsn, arguments) for _ in range(count)
                ]
            conns = [job.result() for job in jobs]
        else:
            conns = self.run(
                _gathered([self._connecting(dsn, arguments) for _ in range(count)])
            )
        self.opened += conns
        return conns

    def written(
        self, lab: DsqlLab | None, dsn: str, options: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Return the DSN and the keyword arguments, in the driver's names."""
        given = dict(options)
        if lab is not None:
            given = {"host": lab.endpoint, "port": lab.port, **given}
        if self.of_asyncpg:
            words = [f"{name}='{given.pop(name)}'" for name in IN_DSN if name in given]
            dsn = " ".join(filter(None, [dsn, *words]))
            given = {ASYNCPG.get(name, name): value for name, value in given.items()}
        return dsn, given

    def pool(self, lab: DsqlLab, **options: Any) -> Any:
        """Open a pool of the driver's; the sizes have the same names everywhere."""
        dsn, arguments = self.written(lab, "", {})
        options = {"min_size": 1, "max_size": 4, **options}
        pool = self.run(self._pooling(dsn, arguments, options))
        self.pools.append(pool)
        return pool

    async def _awaited_pool(self, dsn: str, arguments: Any, options: Any) -> Any:
        if self.of_asyncpg:
            return await asyncpg.create_pool(dsn, **arguments, **options)
        pool = psycopg.AsyncConnectionPool(dsn, kwargs=arguments, open=False, **options)
        await pool.open(wait=True)
        return pool

    def _pooling(self, dsn: str, arguments: Any, options: Any) -> Any:
        if self.way != "sync":
            return self._awaited_pool(dsn, arguments, options)
        pool = psycopg.ConnectionPool(dsn, kwargs=arguments, open=False, **options)
        self.pools.append(pool)  # even if it does not open
        pool.open(wait=True)
        self.pools.remove(pool)
        return pool

    def take(self, pool: Any, **how: Any) -> Any:
        """Take a connection out of a pool."""
        take = pool.acquire if self.of_asyncpg else pool.getconn
        return self.run(take(**how))

    def give(self, pool: Any, conn: Any) -> None:
        """Give it back."""
        give = pool.release if self.of_asyncpg else pool.putconn
        self.run(give(conn))

    def idle(self, pool: Any) -> int:
        """Return how many connections of a pool nobody uses."""
        if self.of_asyncpg:
            return pool.get_idle_size()
        return pool.get_stats().get("pool_available", 0)

    def close_pool(self, pool: Any) -> None:
        self.pools.remove(pool)
        self.run(pool.close())

    def fetch(self, conn: Any, sql: str) -> Any:
        """Return the first value that a query gives, and end the transaction."""
        if self.of_asyncpg:
            return self.run(conn.fetchval(sql))
        cursor = self.run(conn.execute(sql))
        value = self.run(cursor.fetchone())[0]
        self.run(conn.rollback())
        return value

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
            self._runner.run(asyncio.sleep(0.005))

    def close(self, conn: Any) -> None:
        self.opened.remove(conn)
        self.run(conn.close())

    def end(self) -> None:
        for conn in self.opened[:]:
            self.close(conn)
        for pool in self.pools:
            # asyncpg's would wait for what a test that failed has not given back.
            self.run(pool.terminate() if self.of_asyncpg else pool.close())
        # Those that were refused are closed when the loop has had its turns; what is
        # left of it is what wakes it.
        open_ones = self._runner.get_loop()._selector.get_map()
        self.wait(lambda: len(open_ones) <= 1)
        self._runner.close()
        for thread in threading.enumerate():
            if thread.name == "moorline-connect":  # one that was given up
                thread.join()

    def _connecting(self, dsn: str, arguments: dict[str, Any]) -> Any:
        if self.of_asyncpg:
            return asyncpg.connect(dsn, **arguments)
        if self.way == "async":
            return psycopg.AsyncConnection.connect(dsn, **arguments)
        return psycopg.connect(dsn, **arguments)


async def _result_of(awaitable: Any) -> Any:
    return await awaitable


async def _gathered(awaitables: list[Any]) -> list[Any]:
    return await asyncio.gather(*awaitables)


@pytest.fixture(params=["sync", "async", "asyncpg"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every kind of connection, one after the other."""
    world = World(request.param)
    yield world
    world.end()

"""One world for three drivers: the same function is a transaction in each.

A function is written once, as a coroutine function that is given a `Db`. With blocking
psycopg it never really waits, so it is driven to its end in one go, in a thread.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import psycopg_pool

from moorline.dsql.transactions import driver_asyncpg, driver_psycopg, repeating, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from moorline.lab import DsqlLab

    Body = Callable[["Db"], Awaitable[Any]]

INCREMENT = "update t set v = v + 1 where id = 1"


class Db:
    """A connection within a function, whatever its driver."""

    def __init__(self, conn: Any) -> None:
        self.conn = conn

    async def run(self, sql: str) -> None:
        await self._settle(self.conn.execute(sql))

    async def value(self, sql: str) -> Any:
        if isinstance(self.conn, asyncpg.Connection):
            return await self.conn.fetchval(sql)
        cursor = await self._settle(self.conn.execute(sql))
        return (await self._settle(cursor.fetchone()))[0]

    async def _settle(self, given: Any) -> Any:
        return await given if hasattr(given, "__await__") else given

    @property
    def is_idle(self) -> bool:
        if isinstance(self.conn, asyncpg.Connection):
            return not self.conn.is_in_transaction()
        return self.conn.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE

    @property
    def is_gone(self) -> bool:
        if isinstance(self.conn, psycopg.Connection | psycopg.AsyncConnection):
            return self.conn.closed
        try:
            return self.conn.is_closed()
        except asyncpg.InterfaceError:
            return True  # a pool's stand-in for a connection that was closed


class World:
    """Pools and connections of one driver, and transactions on them."""

    errors: Any
    conflict: type[Exception]
    unique: type[Exception]
    lost: tuple[type[Exception], ...]

    def __init__(self, lab: DsqlLab) -> None:
        self.lab = lab

    def counted(self) -> int:
        """Return what the row holds, read past the front."""
        return int(self.lab.sql("select v from t where id = 1")[0][0] or 0)

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "host": self.lab.endpoint,
            "hostaddr": self.lab.host,
            "port": self.lab.port,
            "user": "admin",
            "dbname": "postgres",
            "password": self.lab.token("admin"),
            "sslmode": "verify-full",
            "sslrootcert": self.lab.ca_file,
            "gssencmode": "disable",
        }

    def pool(self, size: int = 1, **more: Any) -> Any:
        raise NotImplementedError

    def conn(self, **more: Any) -> Any:
        raise NotImplementedError

    async def run(self, target: Any, body: Body, **options: Any) -> Any:
        """Run a function as a transaction."""

        async def work(conn: Any) -> Any:
            return await body(Db(conn))

        return await run.run_transaction_async(target, work, **options)

    async def loop(self, target: Any, body: Body, **options: Any) -> int:
        """Make the attempts of a transaction in a loop; return how many there were."""
        made = 0
        async for attempt in run.retrying(target, **options):
            async with attempt as conn:
                made += 1
                await body(Db(conn))
        return made

    async def repeat(self, body: Callable[[], Awaitable[Any]], **options: Any) -> Any:
        return await repeating.retry_on_occ_async(body, **options)


class Blocking(World):
    errors = driver_psycopg
    conflict = psycopg.errors.SerializationFailure
    unique = psycopg.errors.UniqueViolation
    lost = (psycopg.OperationalError,)

    @asynccontextmanager
    async def pool(self, size: int = 1, **more: Any) -> AsyncIterator[Any]:
        options = {"kwargs": self.arguments | more.pop("kwargs", {}), **more}
        pool = psycopg_pool.ConnectionPool(min_size=size, open=False, **options)
        await asyncio.to_thread(pool.open, wait=True, timeout=10)
        try:
            yield pool
        finally:
            await asyncio.to_thread(pool.close)

    @asynccontextmanager
    async def conn(self, **more: Any) -> AsyncIterator[Any]:
        kind = more.pop("connection_class", psycopg.Connection)
        conn = await asyncio.to_thread(kind.connect, **self.arguments | more)
        try:
            yield conn
        finally:
            conn.close()

    async def run(self, target: Any, body: Body, **options: Any) -> Any:
        def work(conn: Any) -> Any:
            return at_once(body(Db(conn)))

        return await asyncio.to_thread(run.run_transaction, target, work, **options)

    async def loop(self, target: Any, body: Body, **options: Any) -> int:
        def attempts() -> int:
            made = 0
            for attempt in run.retrying(target, **options):
                with attempt as conn:
                    made += 1
                    at_once(body(Db(conn)))
            return made

        return await asyncio.to_thread(attempts)

    async def repeat(self, body: Callable[[], Awaitable[Any]], **options: Any) -> Any:
        return repeating.retry_on_occ(lambda: at_once(body()), **options)


class Waiting(World):
    errors = driver_psycopg
    conflict = psycopg.errors.SerializationFailure
    unique = psycopg.errors.UniqueViolation
    lost = (psycopg.OperationalError,)

    @asynccontextmanager
    async def pool(self, size: int = 1, **more: Any) -> AsyncIterator[Any]:
        options = {"kwargs": self.arguments | more.pop("kwargs", {}), **more}
        pool = psycopg_pool.AsyncConnectionPool(min_size=size, open=False, **options)
        await pool.open(wait=True, timeout=10)
        try:
            yield pool
        finally:
            await pool.close()

    @asynccontextmanager
    async def conn(self, **more: Any) -> AsyncIterator[Any]:
        kind = more.pop("connection_class", psycopg.AsyncConnection)
        conn = await kind.connect(**self.arguments | more)
        try:
            yield conn
        finally:
            await conn.close()


class Asyncpg(World):
    errors = driver_asyncpg
    conflict = asyncpg.SerializationError
    unique = asyncpg.UniqueViolationError
    lost = (asyncpg.PostgresConnectionError, ConnectionError)

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "host": self.lab.endpoint,
            "port": self.lab.port,
            "user": "admin",
            "database": "postgres",
            "password": self.lab.token("admin"),
            "ssl": ssl.create_default_context(cafile=self.lab.ca_file),
        }

    @asynccontextmanager
    async def pool(self, size: int = 1, **more: Any) -> AsyncIterator[Any]:
        options = self.arguments | more
        async with sockets_closed():
            with self.lab.names():
                async with asyncpg.create_pool(
                    min_size=size, max_size=size, **options
                ) as pool:
                    yield pool

    @asynccontextmanager
    async def conn(self, **more: Any) -> AsyncIterator[Any]:
        async with sockets_closed():
            with self.lab.names():
                conn = await asyncpg.connect(**self.arguments | more)
            try:
                yield conn
            finally:
                await conn.close(timeout=5)


WORLDS = {"psycopg": Blocking, "psycopg async": Waiting, "asyncpg": Asyncpg}


def at_once(coroutine: Any) -> Any:
    """Drive a coroutine that never waits to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("a blocking function waited")


def at_once_in(target: Any, body: Body, **options: Any) -> Any:
    """Run a function as a transaction of blocking psycopg, in this thread."""

    def work(conn: Any) -> Any:
        return at_once(body(Db(conn)))

    return run.run_transaction(target, work, **options)


@asynccontextmanager
async def sockets_closed() -> AsyncIterator[None]:
    """Let asyncpg's sockets close: Python complains of those that their loop leaves."""
    sockets = asyncio.get_running_loop()._selector.get_map()
    before = set(sockets)
    yield
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while sockets.keys() - before:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)

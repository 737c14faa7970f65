"""Which pools there are, what they are made of, and what they say to the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg as plain_asyncpg
import psycopg as plain_psycopg
import psycopg_pool
import pytest

from moorline.dsql import asyncpg, psycopg
from moorline.errors import ConfigError, TokenError

if TYPE_CHECKING:
    from moorline.lab import DsqlLab
    from tests.dsql.conftest import World


def test_nothing_is_kept_in_a_null_pool(cluster: DsqlLab) -> None:
    where = f"host={cluster.endpoint} port={cluster.port}"
    with psycopg.NullConnectionPool(where) as pool:
        assert isinstance(pool, psycopg_pool.NullConnectionPool)
        numbers = set()
        for _ in range(3):
            with pool.connection() as conn:
                numbers.add(conn.execute("select pg_backend_pid()").fetchone())
    assert len(numbers) == 3
    assert len({seen.token for seen in cluster.logins}) == 1


async def test_nothing_is_kept_in_an_async_null_pool(cluster: DsqlLab) -> None:
    where = f"host={cluster.endpoint} port={cluster.port}"
    async with psycopg.AsyncNullConnectionPool(where) as pool:
        assert isinstance(pool, psycopg_pool.AsyncNullConnectionPool)
        for _ in range(3):
            async with pool.connection() as conn:
                await conn.execute("select 1")
    assert cluster.accepted == 3


@pytest.mark.parametrize(
    "kind",
    [
        psycopg.ConnectionPool,
        psycopg.NullConnectionPool,
        psycopg.AsyncConnectionPool,
        psycopg.AsyncNullConnectionPool,
    ],
)
def test_a_connection_class_that_makes_no_tokens_is_refused(kind: Any) -> None:
    asynchronous = "Async" in kind.__name__
    plain = plain_psycopg.AsyncConnection if asynchronous else plain_psycopg.Connection

    with pytest.raises(ConfigError, match="it makes no tokens; derive it from"):
        kind("host=x", connection_class=plain, open=False)


async def test_so_is_one_of_asyncpgs_without_an_age() -> None:
    with pytest.raises(ConfigError, match=r"derive it from moorline\.dsql\.asyncpg"):
        asyncpg.create_pool("host=x", connection_class=plain_asyncpg.Connection)


def test_a_configure_function_is_called(cluster: DsqlLab, world: World) -> None:
    seen: list[Any] = []

    async def note(conn: Any) -> None:
        seen.append(conn)

    name = "init" if world.of_asyncpg else "configure"
    world.pool(
        cluster, min_size=2, **{name: seen.append if world.way == "sync" else note}
    )

    assert len(seen) == 2


def test_a_pool_of_asyncpgs_says_nothing_that_dsql_does_not_have(
    cluster: DsqlLab,
) -> None:
    """Its own reset query has advisory locks, cursors and LISTEN."""

    async def use() -> list[str]:
        pool = asyncpg.create_pool(
            f"host={cluster.endpoint} port={cluster.port}", min_size=1, max_size=1
        )
        async with pool:
            said: list[str] = []
            async with pool.acquire() as conn:
                conn.add_query_logger(lambda record: said.append(record.query))
                await conn.execute("set application_name = 'mine'")
            async with pool.acquire() as conn:
                assert await conn.fetchval("show application_name") != "mine"
            return said

    said = asyncio.run(use())
    assert "RESET ALL" in said
    assert not [text for text in said if "LISTEN" in text or "advisory" in text]


@pytest.mark.parametrize("world", ["asyncpg"], indirect=True)
def test_without_credentials_a_pool_says_why(dsql_lab: DsqlLab, world: World) -> None:
    """psycopg_pool logs it, and tries again until its own time is over."""
    with pytest.raises(TokenError, match="there are no AWS credentials"):
        world.pool(dsql_lab, max_size=1)

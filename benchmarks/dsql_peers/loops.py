"""What a worker does in an event loop: connects, and pools that are filled."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import for_asyncpg, for_psycopg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from benchmarks.dsql_peers.clients import At, Client

__all__ = ["fill", "timed"]

BEAT = 0.005  # seconds
BEFORE = 0.2  # seconds in which there is nothing to do
Told = dict[str, Any]


async def timed(connecting: Awaitable[Any]) -> float:
    """Return how many seconds a connect takes; the connection is closed."""
    start = time.perf_counter_ns()
    conn = await connecting
    took = time.perf_counter_ns() - start
    await conn.close()
    return took / 1e9


async def fill(client: Client, kind: str, at: At, size: int) -> Told:
    """Fill a pool while a heart beats every 5 ms.

    Tell by how much a beat was late at most, in seconds: before that, and meanwhile.
    """
    late: list[float] = []
    heart = asyncio.create_task(_beat(late))
    await asyncio.sleep(BEFORE)
    calm, known = max(late), len(late)
    start = time.perf_counter()
    async with _filled(client, kind, at, size) as pool:
        took = time.perf_counter() - start
        await asyncio.sleep(2 * BEAT)  # for the beat that is under way
        stall = max(late[known:])
        held = pool.get_size() if kind == "asyncpg" else pool.get_stats()["pool_size"]
    heart.cancel()
    assert held == size
    return {"stall": stall, "calm": calm, "seconds": took}


@asynccontextmanager
async def _filled(client: Client, kind: str, at: At, size: int) -> AsyncIterator[Any]:
    ready = "token" in at
    if kind == "asyncpg":
        if ready:
            told = {**for_asyncpg(at), "password": at["token"]}
            make = import_module("asyncpg").create_pool
            asked = make(**told, min_size=size, max_size=size)
        else:
            asked = client.asyncpg_pool(at, size)
        async with await asked as pool:
            yield pool
        return
    if ready:
        told = {**for_psycopg(at), "password": at["token"]}
        make = import_module("psycopg_pool").AsyncConnectionPool
        pool = make(kwargs=told, min_size=size, max_size=size, open=False)
    else:
        pool = client.async_pool(at, size)
    async with pool:
        await pool.wait()
        yield pool


async def _beat(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        late.append(time.perf_counter() - due)

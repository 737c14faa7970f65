"""A cluster with two tables, the drivers by turns, and time that need not pass."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from moorline.dsql.transactions import performing, repeating
from tests.dsql.transacting import WORLDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from moorline.lab import DsqlLab
    from tests.dsql.transacting import World


@pytest.fixture
def lab(dsql_lab: DsqlLab) -> DsqlLab:
    """A cluster with one row to count in, and an empty table of receipts."""
    for table, columns in {
        "t": "id int primary key, v int not null unique",
        "receipts": "id uuid primary key, at timestamptz default now()",
    }.items():
        dsql_lab.sql(f"drop table if exists {table}")
        dsql_lab.sql(f"create table {table} ({columns})")
        dsql_lab.sql(f"grant all on {table} to admin")
    dsql_lab.sql("insert into t values (1, 0)")
    return dsql_lab


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, lab: DsqlLab) -> World:
    return WORLDS[request.param](lab)


@pytest.fixture(params=["pool", "conn"])
async def target(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Any]:
    async with getattr(world, request.param)() as made:
        yield made


@pytest.fixture
async def pool(world: World) -> AsyncIterator[Any]:
    """A pool of one connection."""
    async with world.pool() as made:
        yield made


@pytest.fixture
async def conn(world: World) -> AsyncIterator[Any]:
    async with world.conn() as made:
        yield made


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each transaction slept between its attempts, without the sleep."""
    slept: list[float] = []

    async def asleep(seconds: float) -> None:
        slept.append(seconds)

    clock = SimpleNamespace(sleep=slept.append, monotonic=time.monotonic)
    loops = SimpleNamespace(**{**vars(asyncio), "sleep": asleep})
    for module in (performing, repeating):
        monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(module, "asyncio", loops)
    return slept

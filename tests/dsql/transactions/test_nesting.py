"""Transactions within transactions: explained, instead of waited for."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions import nesting
from tests.dsql.transacting import INCREMENT, Blocking, at_once_in


async def increment(db):
    await db.run(INCREMENT)


async def nest(world, target, body, **options):
    """Begin a transaction from within a function."""
    if isinstance(world, Blocking):
        return at_once_in(target, body, **options)
    return await world.run(target, body, **options)


async def test_a_nested_transaction_on_the_same_target_is_explained(world, target):
    """On a pool of one it waited for its own caller until the pool's time was over."""

    async def outer(db):
        await db.run(INCREMENT)
        await nest(world, target, increment)

    with pytest.raises(errors.NestedTransaction, match="under way already") as caught:
        await world.run(target, outer)
    assert isinstance(caught.value, world.errors.NestedTransaction)
    assert world.counted() == 0
    await world.run(target, increment)
    assert world.counted() == 1


async def test_a_nested_transaction_on_the_connection_in_hand_is_explained(world, pool):
    async def outer(db):
        await db.run(INCREMENT)
        with pytest.raises(errors.NestedTransaction):
            await nest(world, db.conn, increment)
        assert not db.is_idle

    await world.run(pool, outer)
    assert world.counted() == 1


async def test_a_connection_that_is_in_a_transaction_already_is_left_alone(world, conn):
    db_of = []

    async def keep(db):
        db_of.append(db)

    await world.run(conn, keep)
    (db,) = db_of
    await db.run("begin")
    await db.run(INCREMENT)
    with pytest.raises(errors.NestedTransaction):
        await world.run(conn, increment)
    await db.run("commit")
    assert world.counted() == 1


async def test_a_transaction_on_another_pool_is_none_of_it(world, pool):
    async with world.pool() as other:

        async def outer(db):
            await db.value("select 1")
            await nest(world, other, increment)

        await world.run(pool, outer)
    assert world.counted() == 1


async def test_the_conflicts_of_another_pool_are_not_repeated_once_more(world, pool):
    """Attempts would multiply."""
    calls = []
    async with world.pool() as other:

        async def inner(db):
            await db.run("select 'inner'")

        async def outer(db):
            calls.append(db)
            await nest(world, other, inner, retry=RetryPolicy.seed())

        world.lab.faults.conflict_at_statement(times=None, containing="inner")
        with pytest.raises(errors.OCCRetryExhausted) as caught:
            await world.run(pool, outer)
    assert len(calls) == 1
    assert caught.value.attempts == 3


async def test_tasks_that_a_function_starts_have_transactions_of_their_own(world):
    """They inherit its context, but are not it."""

    async def outer(db):
        await db.value("select 1")
        await asyncio.gather(
            asyncio.create_task(world.run(pool, increment)),
            asyncio.create_task(world.run(pool, increment)),
        )

    async with world.pool(3) as pool:
        if isinstance(world, Blocking):
            # A thread of its own for each, with a copy of the function's context.
            frame = nesting.open_frame(pool)
            await asyncio.gather(*(world.run(pool, increment) for _ in range(2)))
            frame.close()
        else:
            await world.run(pool, outer)
    assert world.counted() == 2


def test_a_context_that_outlives_its_transaction_keeps_nothing_alive():
    class Target:
        pass

    target = Target()
    frame = nesting.open_frame(target)
    assert nesting.is_within(target)
    frame.close()
    assert not nesting.is_within(target)
    gone = weakref.ref(target)
    del target
    gc.collect()
    assert gone() is None

"""The drivers' own ``conn.transaction()`` within a transaction of ours."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import psycopg
import pytest

from moorline.dsql.transactions import joined_asyncpg, joined_psycopg
from tests.dsql.transacting import INCREMENT, WORLDS, Asyncpg, Blocking

CLASSES = {
    "psycopg": joined_psycopg.JoiningConnection,
    "psycopg async": joined_psycopg.JoiningAsyncConnection,
    "asyncpg": joined_asyncpg.JoiningConnection,
}


class AppError(Exception):
    pass


@pytest.fixture(params=CLASSES)
def world(request, lab):
    made = WORLDS[request.param](lab)
    made.joining = CLASSES[request.param]
    return made


@pytest.fixture(params=["pool", "conn"])
async def target(request, world):
    async with getattr(world, request.param)(connection_class=world.joining) as made:
        yield made


@asynccontextmanager
async def block(db, **options):
    """Enter the driver's own block, blocking or not."""
    own = db.conn.transaction(**options)
    if hasattr(own, "__aenter__"):
        async with own as entered:
            yield entered
    else:
        with own as entered:
            yield entered


async def increment(db):
    async with block(db):
        await db.run(INCREMENT)
    async with block(db), block(db):
        await db.run(INCREMENT)


async def test_a_block_joins_the_transaction_under_way(world, target):
    """It was a savepoint, which DSQL lacks, or refused by asyncpg."""
    await world.run(target, increment)
    assert world.counted() == 2
    assert world.lab.transactions.commits == 1


async def test_a_block_of_a_repeated_transaction_is_repeated_with_it(
    world, target, naps
):
    world.lab.faults.conflict_at_commit()
    await world.run(target, increment)
    assert (world.counted(), len(naps)) == (2, 1)


async def test_an_error_that_leaves_a_block_and_the_function_comes_out(world, target):
    with pytest.raises(AppError) as caught:
        await world.run(target, fail_in_a_block)
    assert type(caught.value) is AppError
    assert world.counted() == 0


async def fail_in_a_block(db):
    async with block(db):
        await db.run(INCREMENT)
        raise AppError("first")


async def swallow(db):
    await db.run(INCREMENT)
    with pytest.raises(AppError):
        await fail_in_a_block(db)


async def test_a_failed_block_takes_the_whole_transaction_with_it(world, target):
    """Nothing can be undone alone: half of it would be committed."""
    with pytest.raises(world.errors.TransactionRolledBack, match="first") as caught:
        await world.run(target, swallow)
    assert isinstance(caught.value.__cause__, AppError)
    assert world.counted() == 0
    await world.run(target, increment)
    assert world.counted() == 2


async def test_a_conflict_that_was_swallowed_outside_a_block_is_repeated(
    world, target, naps
):
    calls = []

    async def body(db):
        calls.append(db)
        try:
            async with block(db):
                await db.run(INCREMENT)
        except world.conflict:
            return

    world.lab.faults.conflict_at_statement("OC000", containing="update")
    await world.run(target, body)
    assert (len(calls), world.counted()) == (2, 1)


async def test_a_block_outside_of_ours_is_the_drivers_own(world):
    async with world.conn(connection_class=world.joining) as conn:
        seen = []

        async def keep(db):
            seen.append(db)

        await world.run(conn, keep)
        (db,) = seen
        with pytest.raises(AppError):
            await fail_in_a_block(db)
        assert world.counted() == 0
        async with block(db):
            await db.run(INCREMENT)
        assert world.counted() == 1


async def test_a_rollback_of_psycopgs_dooms_what_it_cannot_undo(world, target):
    if isinstance(world, Asyncpg):
        return

    async def body(db):
        async with block(db):
            await db.run(INCREMENT)
            raise psycopg.Rollback

    with pytest.raises(world.errors.TransactionRolledBack):
        await world.run(target, body)

    async def forced(db):
        async with block(db, force_rollback=True):
            await db.run(INCREMENT)

    with pytest.raises(world.errors.TransactionRolledBack):
        await world.run(target, forced)
    assert world.counted() == 0


async def test_asyncpgs_explicit_methods_join_as_well(lab):
    world = Asyncpg(lab)

    async def body(db):
        own = db.conn.transaction()
        await own.start()
        await db.run(INCREMENT)
        await own.commit()

    async def undo(db):
        own = db.conn.transaction()
        await own.start()
        await db.run(INCREMENT)
        await own.rollback()

    async with world.pool(connection_class=joined_asyncpg.JoiningConnection) as pool:
        await world.run(pool, body)
        with pytest.raises(world.errors.TransactionRolledBack, match="rollback"):
            await world.run(pool, undo)
    assert world.counted() == 1


async def test_a_plain_connection_of_asyncpgs_says_what_to_do(lab):
    world = Asyncpg(lab)

    async def body(db):
        async with db.conn.transaction():
            await db.run(INCREMENT)

    async with world.conn() as conn:
        with pytest.raises(asyncpg.InterfaceError) as caught:
            await world.run(conn, body)
    (note,) = caught.value.__notes__
    assert "moorline.dsql.asyncpg" in note


async def test_a_server_without_savepoints_is_explained(lab):
    """As psycopg's plain connection meets it."""
    world = Blocking(lab)

    async def body(db):
        await db.run("do $$ begin raise 'unsupported statement: Savepoint'; end $$")

    async with world.conn() as conn:
        with pytest.raises(psycopg.Error) as caught:
            await world.run(conn, body)
    (note,) = caught.value.__notes__
    assert "moorline.dsql.psycopg" in note

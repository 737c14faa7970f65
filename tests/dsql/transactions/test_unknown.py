"""Connections that are lost: before, during and after a transaction."""

from __future__ import annotations

import logging

import asyncpg
import psycopg
import pytest

from moorline import errors
from tests.dsql.transacting import INCREMENT

CUTS = {"before commit": 0, "after commit": 1}


async def increment(db):
    await db.run(INCREMENT)


@pytest.mark.parametrize("when", CUTS)
async def test_a_lost_reply_to_commit_is_told_and_never_repeated(
    world, target, caplog, when
):
    """It was a plain driver error, as of a statement that was never executed."""
    calls = []

    async def body(db):
        calls.append(db)
        await db.run(INCREMENT)

    world.lab.faults.cut(when)
    with pytest.raises(errors.CommitOutcomeUnknown) as caught:
        await world.run(target, body)
    error = caught.value
    assert isinstance(error, world.errors.CommitOutcomeUnknown)
    assert isinstance(error, psycopg.OperationalError | asyncpg.PostgresConnectionError)
    assert isinstance(error.__cause__, Exception)
    assert error.operation_id is None
    assert "look before you do it again" in str(error)
    assert (len(calls), world.counted()) == (1, CUTS[when])
    assert [one.message for one in caplog.records if one.levelno == logging.ERROR] == [
        "the outcome of a transaction is unknown: CommitOutcomeUnknown"
    ]


async def test_a_pool_goes_on_after_a_lost_reply(world, pool):
    world.lab.faults.cut("after commit")
    with pytest.raises(errors.CommitOutcomeUnknown):
        await world.run(pool, increment)
    await world.run(pool, increment)
    assert world.counted() == 2


async def test_a_connection_lost_in_the_function_was_not_committed(world, target):
    calls = []

    async def body(db):
        calls.append(db)
        await db.run(INCREMENT)
        world.lab.faults.kill()
        await db.run(INCREMENT)

    with pytest.raises(world.lost) as caught:
        await world.run(target, body)
    assert not isinstance(caught.value, errors.MoorlineError)
    assert (len(calls), world.counted()) == (1, 0)


async def test_a_connection_lost_before_commit_was_not_committed(world, pool):
    """Whoever swallowed its error is not told of an outcome that nobody knows."""

    async def body(db):
        await db.run(INCREMENT)
        world.lab.faults.kill()
        with pytest.raises(world.lost):
            await db.run(INCREMENT)

    with pytest.raises((psycopg.OperationalError, asyncpg.InterfaceError)) as caught:
        await world.run(pool, body)
    assert not isinstance(caught.value, errors.MoorlineError)
    assert world.counted() == 0
    await world.run(pool, increment)


async def test_dead_connections_of_a_pool_are_replaced(world):
    """Nothing had begun, so nobody needs to know."""
    async with world.pool(3) as pool:
        world.lab.faults.kill_idle()
        await world.run(pool, increment)
    assert world.counted() == 1


async def test_a_dead_connection_is_its_owners_to_replace(world, conn):
    world.lab.faults.kill_idle()
    with pytest.raises((*world.lost, asyncpg.InterfaceError)):
        await world.run(conn, increment)


async def test_a_server_that_fails_at_commit_may_have_committed(world, target):
    """An internal error says nothing; its connection is not used again."""
    world.lab.sql("""
        create or replace function fail() returns trigger language plpgsql as
        $$ begin raise 'out of order' using errcode = 'XX000'; end $$;
        create constraint trigger failing after update on t
        deferrable initially deferred for each row execute function fail();
    """)
    seen = []

    async def body(db):
        seen.append(db)
        await db.run(INCREMENT)

    with pytest.raises(errors.CommitOutcomeUnknown, match="out of order"):
        await world.run(target, body)
    (db,) = seen
    assert db.is_gone


async def test_a_constraint_that_fails_at_commit_was_not_committed(world, target):
    world.lab.sql("""
        create or replace function refuse() returns trigger language plpgsql as
        $$ begin raise 'too much' using errcode = '23505'; end $$;
        create constraint trigger refusing after update on t
        deferrable initially deferred for each row execute function refuse();
    """)
    with pytest.raises(world.unique) as caught:
        await world.run(target, increment)
    assert not isinstance(caught.value, errors.MoorlineError)
    assert world.counted() == 0
    world.lab.sql("drop trigger refusing on t")
    await world.run(target, increment)
    assert world.counted() == 1

"""Receipts: what became of a COMMIT whose reply was lost."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions import session_asyncpg, session_psycopg
from moorline.dsql.transactions.counters import stats
from moorline.dsql.transactions.receipts import Receipts
from tests.dsql.transacting import INCREMENT, Asyncpg, Blocking

BRIEF = RetryPolicy(deadline=0.2)
SESSIONS = (
    session_psycopg.PsycopgSession,
    session_psycopg.AsyncPsycopgSession,
    session_asyncpg.AsyncpgSession,
)


async def increment(db):
    await db.run(INCREMENT)
    return await db.value("select v from t")


def receipts(world):
    return int(world.lab.sql("select count(*) from receipts")[0][0])


@pytest.fixture
def at_lookup(monkeypatch):
    """Call a function once, when an operation's id is about to be written again."""
    planned = []
    for kind in SESSIONS:

        def watched(session, step, run=kind.run):
            if planned and "ON CONFLICT" in step.sql:
                planned.pop()()
            return run(session, step)

        monkeypatch.setattr(kind, "run", watched)
    return planned


async def test_each_transaction_leaves_one_receipt(world, pool):
    for count in (1, 2):
        await world.run(pool, increment, receipt="receipts")
        assert (world.counted(), receipts(world)) == (count, count)


async def test_a_transaction_that_is_repeated_leaves_one_receipt(world, pool, naps):
    world.lab.faults.conflict_at_commit(times=2)
    await world.run(pool, increment, receipt="receipts")
    assert (world.counted(), receipts(world)) == (1, 1)


async def test_a_commit_whose_reply_was_lost_is_found_committed(world, pool):
    calls = []

    async def body(db):
        calls.append(db)
        return await increment(db)

    world.lab.faults.cut("after commit")
    assert await world.run(pool, body, receipt="receipts") == 1
    assert (len(calls), world.counted(), receipts(world)) == (1, 1, 1)
    if not isinstance(pool, asyncpg.Pool):
        found = stats(pool)
        assert (found.commits, found.resolved, found.unknown) == (1, 1, 0)


async def test_a_commit_that_never_arrived_is_made_again(world, pool):
    calls = []

    async def body(db):
        calls.append(db)
        return await increment(db)

    world.lab.faults.cut("before commit")
    assert await world.run(pool, body, receipt="receipts") == 1
    assert (len(calls), world.counted()) == (2, 1)
    assert receipts(world) == 3  # its own, and the two that bar the first one


async def test_a_lookup_that_is_cut_off_itself_is_not_taken_for_the_transaction(
    world, pool, naps, at_lookup
):
    """The id is there then, by the lookup's own hand, and nothing was committed."""
    at_lookup.append(lambda: world.lab.faults.cut("after commit"))
    world.lab.faults.cut("before commit")
    assert await world.run(pool, increment, receipt="receipts") == 1
    assert at_lookup == []
    assert world.lab.transactions.cuts == 2
    assert world.counted() == 1


async def test_a_lookup_meets_conflicts_and_dead_connections_and_goes_on(
    world, pool, naps, at_lookup
):
    world.lab.faults.cut("after commit")
    world.lab.faults.conflict_at_statement(times=2, containing="ON CONFLICT")
    at_lookup.append(world.lab.faults.kill)
    assert await world.run(pool, increment, receipt="receipts") == 1
    assert world.counted() == 1


async def test_a_lookup_that_gets_no_answer_says_which_operation_it_was(world, pool):
    world.lab.faults.cut("after commit")
    world.lab.faults.conflict_at_statement(times=None, containing="ON CONFLICT")
    with pytest.raises(world.errors.CommitOutcomeUnknown) as caught:
        await world.run(pool, increment, receipt="receipts", retry=BRIEF)
    error = caught.value
    assert isinstance(error.operation_id, uuid.UUID)
    found = world.lab.sql(f"select 1 from receipts where id = '{error.operation_id}'")  # noqa: S608
    assert found == [("1",)]
    assert "It could not be looked up: " in str(error)
    assert str(error.operation_id) in str(error)
    world.lab.faults.reset()
    await world.run(pool, increment, receipt="receipts")


async def test_a_lookup_that_can_never_succeed_is_given_up_at_once(
    world, pool, naps, at_lookup
):
    at_lookup.append(lambda: world.lab.sql("drop table receipts"))
    world.lab.faults.cut("after commit")
    with pytest.raises(errors.CommitOutcomeUnknown, match="does not exist"):
        await world.run(pool, increment, receipt="receipts")
    assert naps == []


async def test_a_lookup_that_is_cancelled_tells_of_both(world, pool, at_lookup):
    if isinstance(world, Blocking):
        return
    reached = asyncio.Event()

    def freeze():
        world.lab.faults.freeze()
        reached.set()

    at_lookup.append(freeze)
    world.lab.faults.cut("after commit")
    task = asyncio.create_task(world.run(pool, increment, receipt="receipts"))
    await reached.wait()
    task.cancel()
    with pytest.raises(world.errors.CommitCancelled) as caught:
        await task
    world.lab.faults.thaw()
    assert caught.value.operation_id is not None
    assert task.cancelled()


async def test_a_swallowed_error_is_none_of_the_receipts_doing(world, pool):
    async def body(db):
        with pytest.raises((psycopg.Error, asyncpg.PostgresError)):
            await db.run("select 1 / 0")

    with pytest.raises(world.errors.TransactionRolledBack):
        await world.run(pool, body, receipt="receipts")
    assert receipts(world) == 0


async def test_a_table_that_is_missing_is_to_be_created(world, pool):
    with pytest.raises(errors.ConfigError, match="create table nowhere"):
        await world.run(pool, increment, receipt="nowhere")
    assert world.counted() == 0


async def test_a_receipt_needs_a_pool_to_be_looked_up(world, conn):
    with pytest.raises(errors.ConfigError, match="give a pool"):
        await world.run(conn, increment, receipt="receipts")
    assert world.counted() == 0


@pytest.mark.parametrize("name", ['"Od""d.Name"', "app.receipts", 'App."R"'])
async def test_a_table_may_have_any_name_and_schema(lab, name):
    lab.sql("create schema if not exists app authorization admin")
    lab.sql(f"drop table if exists {name}")
    lab.sql(f"create table {name} (id uuid primary key)")
    lab.sql(f"grant all on {name} to admin")
    world = Asyncpg(lab)
    lab.faults.cut("after commit")
    async with world.pool() as pool:
        await world.run(pool, increment, receipt=name)
    assert lab.sql(f"select count(*) from {name}") == [("1",)]  # noqa: S608
    lab.sql(f"drop table {name}")


@pytest.mark.parametrize(
    "name", ["", "a.b.c", "a b", "a;drop table t", '"a', 'a"', ".a", "a.", "1a", '""']
)
def test_what_is_no_name_of_a_table_is_refused(name):
    with pytest.raises(errors.ConfigError, match="receipt="):
        Receipts.of(name)


@given(st.text())
def test_no_name_ends_its_quotes(name):
    """Whatever is accepted is one or two identifiers in quotes, and nothing else."""
    try:
        table = Receipts.of(name).table
    except errors.ConfigError:
        return
    rest = table.replace('""', "")
    assert rest[0] == rest[-1] == '"'
    assert rest.count('"') in {2, 4}

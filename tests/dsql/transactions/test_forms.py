"""The other ways to write a transaction: a loop, a decorator, by hand."""

from __future__ import annotations

import logging
import pickle

import asyncpg
import psycopg
import pytest

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.occ import OCCType
from moorline.dsql.transactions import driver_asyncpg, driver_psycopg
from moorline.dsql.transactions.decorating import transactional
from moorline.dsql.transactions.run import (
    retrying,
    run_transaction,
    run_transaction_async,
)
from tests.dsql.transacting import INCREMENT, Asyncpg, Blocking, Waiting

DATA = "change conflicts with another transaction, please retry: (OC000)"


async def increment(db):
    await db.run(INCREMENT)


async def test_a_loop_makes_attempts_until_one_is_committed(world, target, naps):
    world.lab.faults.conflict_at_commit(times=2)
    assert await world.loop(target, increment) == 3
    assert world.counted() == 1


async def test_an_error_leaves_a_loop(world, target):
    async def body(db):
        await db.run(INCREMENT)
        raise LookupError

    with pytest.raises(LookupError):
        await world.loop(target, body)
    assert world.counted() == 0


def test_a_loop_that_is_left_too_early_says_that_nothing_is_committed(lab, caplog):
    """COMMIT comes after ``return`` in the block, and nobody makes the next attempt."""
    with psycopg.connect(**Blocking(lab).arguments) as conn:

        def work():
            for attempt in retrying(conn):
                with attempt:
                    conn.execute(INCREMENT)
                    return

        work()
        assert caplog.records == []
        lab.faults.conflict_at_commit()
        work()
    assert Blocking(lab).counted() == 1
    (one,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "left by return or break" in one.message


def test_attempts_are_to_be_made(lab):
    with psycopg.connect(**Blocking(lab).arguments) as conn:
        attempts = retrying(conn)
        next(attempts)
        with pytest.raises(errors.ConfigError, match="with attempt as conn"):
            next(attempts)
        attempts = retrying(conn)
        attempt = next(attempts)
        with attempt:
            pass
        with pytest.raises(errors.ConfigError, match="made once"), attempt:
            pass


async def test_a_decorated_function_is_a_transaction(lab, naps):
    lab.faults.conflict_at_commit()

    @transactional(retry=RetryPolicy(max_attempts=2))
    def add(conn, amount, *, to):
        """Add."""
        conn.execute("update t set v = v + %s where id = %s", (amount, to))
        return amount

    with psycopg.connect(**Blocking(lab).arguments) as conn:
        assert add(conn, 5, to=1) == 5
        lab.faults.conflict_at_commit(times=2)
        with pytest.raises(errors.OCCRetryExhausted):
            add(conn, 5, to=1)
    assert add.__doc__ == "Add."
    assert Blocking(lab).counted() == 5


@pytest.mark.parametrize("world", [Waiting, Asyncpg])
async def test_a_decorated_coroutine_function_is_a_transaction(lab, naps, world):
    lab.faults.conflict_at_commit()

    @transactional(receipt="receipts")
    async def add(conn, amount):
        await conn.execute(f"update t set v = v + {int(amount)}")  # noqa: S608 - a number
        return amount

    async with world(lab).pool() as pool:
        assert await add(pool, 5) == 5
    assert Blocking(lab).counted() == 5
    assert lab.sql("select count(*) from receipts") == [("1",)]


async def test_what_conflicts_is_repeated_for_those_who_commit_themselves(world, naps):
    calls = []

    async def work():
        calls.append(1)
        if len(calls) < 3:
            raise world.conflict(DATA)
        return len(calls)

    assert await world.repeat(work) == 3
    assert len(naps) == 2


async def test_by_hand_too_a_policy_comes_to_its_end(world, naps):
    async def work():
        raise world.conflict(DATA)

    with pytest.raises(world.errors.OCCRetryExhausted) as caught:
        await world.repeat(work, retry=RetryPolicy(max_attempts=2))
    assert caught.value.attempts == 2
    assert isinstance(caught.value.__cause__, world.conflict)


async def test_by_hand_nothing_but_conflicts_is_repeated(world, naps):
    calls = []

    async def work():
        calls.append(1)
        raise world.errors.CommitOutcomeUnknown("who knows")

    with pytest.raises(errors.CommitOutcomeUnknown):
        await world.repeat(work)
    assert calls == [1]


async def test_an_asynchronous_target_is_not_waited_for(lab):
    async with Waiting(lab).pool() as pool:
        with pytest.raises(errors.ConfigError, match="run_transaction_async"):
            run_transaction(pool, print)
    async with Asyncpg(lab).conn() as conn:
        with pytest.raises(errors.ConfigError, match="run_transaction_async"):
            run_transaction(conn, print)
    async with Blocking(lab).pool() as pool:
        with pytest.raises(errors.ConfigError, match="needs run_transaction"):
            await run_transaction_async(pool, print)


@pytest.mark.parametrize("target", [None, "postgres://", object(), 5])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(errors.ConfigError, match="give a connection or a pool"):
        run_transaction(target, print)


def test_a_cursor_is_no_target(lab):
    with (
        psycopg.connect(**Blocking(lab).arguments) as conn,
        pytest.raises(errors.ConfigError, match=r"psycopg\.Cursor"),
    ):
        run_transaction(conn.cursor(), print)


@pytest.mark.parametrize(
    ("module", "classes"),
    [
        (
            driver_psycopg,
            {
                "OCCRetryExhausted": psycopg.errors.SerializationFailure,
                "CommitOutcomeUnknown": psycopg.OperationalError,
                "TransactionRolledBack": psycopg.OperationalError,
                "TransactionEnded": psycopg.ProgrammingError,
                "NestedTransaction": psycopg.ProgrammingError,
            },
        ),
        (
            driver_asyncpg,
            {
                "OCCRetryExhausted": asyncpg.SerializationError,
                "CommitOutcomeUnknown": asyncpg.PostgresConnectionError,
                "TransactionRolledBack": asyncpg.PostgresError,
                "TransactionEnded": asyncpg.InterfaceError,
                "NestedTransaction": asyncpg.InterfaceError,
            },
        ),
    ],
)
def test_errors_are_the_drivers_own_too_and_survive_a_process(module, classes):
    known = {"attempts": 3, "kind": OCCType.DATA, "elapsed": 0.5}
    for name, other in classes.items():
        kind = getattr(module, name)
        assert issubclass(kind, getattr(errors, name))
        assert issubclass(kind, other)
        more = known if name == "OCCRetryExhausted" else {}
        error = pickle.loads(pickle.dumps(kind("what happened", **more)))  # noqa: S301
        assert (type(error), str(error)) == (kind, "what happened")
        assert {key: getattr(error, key) for key in more} == more

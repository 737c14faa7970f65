"""Committed, not committed, or unknown: what is told is what is so."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import asyncpg
import psycopg
import pytest

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.occ import OCCType
from moorline.dsql.transactions import performing
from moorline.dsql.transactions.counters import stats
from tests.dsql.transacting import INCREMENT, Asyncpg, Blocking, at_once_in

ONCE = RetryPolicy(max_attempts=1)
NEVER_LATE = RetryPolicy(max_attempts=3, deadline=None)


async def increment(db):
    await db.run(INCREMENT)


async def count_up(db):
    value = await db.value("select v from t where id = 1")
    await db.run(f"update t set v = {value + 1} where id = 1")  # noqa: S608 - a number
    return value + 1


class AppError(Exception):
    pass


async def test_a_function_that_returns_is_committed_and_answers(world, target):
    async def body(db):
        assert not db.is_idle
        await db.run(INCREMENT)
        return await db.value("select v from t")

    assert await world.run(target, body) == 1
    assert world.counted() == 1


async def test_an_error_comes_out_as_it_is_after_one_call(world, target):
    calls = []

    async def body(db):
        calls.append(db)
        await db.run(INCREMENT)
        raise AppError

    with pytest.raises(AppError) as caught:
        await world.run(target, body)
    assert type(caught.value) is AppError
    assert caught.value.__cause__ is None
    assert (len(calls), world.counted()) == (1, 0)
    assert await world.run(target, lambda db: db.value("select 5")) == 5


async def test_an_error_of_the_server_comes_out_as_it_is(world, target):
    world.lab.sql("insert into t values (2, 7)")
    calls = []

    async def body(db):
        calls.append(db)
        await db.run("update t set v = 7 where id = 1")

    with pytest.raises(world.unique) as caught:
        await world.run(target, body)
    assert not isinstance(caught.value, errors.MoorlineError)
    assert len(calls) == 1


@pytest.mark.parametrize("autocommit", [True, False])
async def test_autocommit_leaves_no_part_of_a_repeated_transaction(
    world, naps, autocommit
):
    """Three rows instead of one, where BEGIN depends on the connection's mode."""
    options = {} if isinstance(world, Asyncpg) else {"autocommit": autocommit}
    world.lab.faults.conflict_at_statement("OC000", times=2, containing="where id = 1")

    async def body(db):
        await db.run("insert into t select max(id) + 1, 70 from t")
        await db.run(INCREMENT)

    async with world.conn(**options) as conn:
        await world.run(conn, body)
        if options:
            assert conn.autocommit is autocommit
    assert world.lab.sql("select count(*) from t") == [("2",)]


async def test_a_swallowed_error_is_no_success(world, target):
    """COMMIT is answered with ROLLBACK, and the value would be told as committed."""

    async def body(db):
        await db.run(INCREMENT)
        with pytest.raises((psycopg.Error, asyncpg.PostgresError)):
            await db.run("select 1 / 0")
        return "done"

    with pytest.raises(world.errors.TransactionRolledBack, match="let the error out"):
        await world.run(target, body)
    assert world.counted() == 0


@pytest.mark.parametrize("word", ["commit", "rollback"])
async def test_a_function_that_ends_the_transaction_itself_is_told_so(
    world, target, word
):
    calls = []

    async def body(db):
        calls.append(db)
        await db.run(INCREMENT)
        await db.run(word)

    with pytest.raises(world.errors.TransactionEnded, match="retry_on_occ"):
        await world.run(target, body)
    assert (len(calls), world.counted()) == (1, int(word == "commit"))


async def test_a_conflict_after_the_functions_own_commit_is_not_repeated(world, target):
    """Its first part would be done twice."""

    async def body(db):
        await db.run(INCREMENT)
        await db.run("commit")
        await db.run("select 'again'")

    world.lab.faults.conflict_at_statement("OC000", containing="again")
    with pytest.raises(world.conflict) as caught:
        await world.run(target, body)
    assert not isinstance(caught.value, errors.MoorlineError)
    assert world.counted() == 1


@pytest.mark.parametrize("code", ["OC000", "OC001"])
@pytest.mark.parametrize("stage", ["begin", "body", "commit"])
async def test_a_conflict_is_repeated_at_whatever_stage_it_came(
    world, target, naps, stage, code
):
    """BEGIN too: a schema that changed shows at a session's first statement."""
    if stage == "commit":
        world.lab.faults.conflict_at_commit(code)
    else:
        containing = "BEGIN" if stage == "begin" else "update"
        world.lab.faults.conflict_at_statement(code, containing=containing)
    await world.run(target, increment)
    assert world.counted() == 1
    (delay,) = naps or [0.0]
    assert delay == 0.0 if code == "OC001" else 0.0 < delay <= 0.010


async def test_only_the_first_conflict_with_a_schema_is_repeated_at_once(
    world, target, naps
):
    world.lab.faults.conflict_at_commit("OC001", times=3)
    await world.run(target, increment, retry=RetryPolicy(jitter_factor=0))
    assert naps == [0.020, 0.040]


@pytest.mark.parametrize("stage", ["begin", "body", "commit"])
async def test_a_policy_that_is_spent_says_how_often_and_why(
    world, target, naps, caplog, stage
):
    if stage == "commit":
        world.lab.faults.conflict_at_commit(times=3)
    else:
        containing = "BEGIN" if stage == "begin" else "update"
        world.lab.faults.conflict_at_statement("OC000", times=3, containing=containing)
    caplog.set_level(logging.DEBUG, "moorline.dsql")
    with pytest.raises(world.conflict) as caught:
        await world.run(target, increment, retry=NEVER_LATE)
    error = caught.value
    assert isinstance(error, world.errors.OCCRetryExhausted)
    assert isinstance(error, errors.OCCRetryExhausted)
    assert (error.attempts, error.kind) == (3, OCCType.DATA)
    assert error.elapsed > 0
    assert isinstance(error.__cause__, world.conflict)
    assert "max_attempts=3, deadline=None" in str(error)
    assert (len(naps), world.counted()) == (2, 0)
    levels = [one.levelname for one in caplog.records]
    assert levels == ["DEBUG", "DEBUG", "ERROR"]
    assert "attempt 1 met OC000: the next one in" in caplog.messages[0]
    await world.run(target, increment)
    assert world.counted() == 1


async def test_a_delay_that_would_end_after_the_deadline_is_not_begun(
    world, target, naps
):
    policy = RetryPolicy(
        base_delay_ms=60_000, max_delay_ms=60_000, jitter_factor=0, deadline=30
    )
    world.lab.faults.conflict_at_commit()
    with pytest.raises(world.errors.OCCRetryExhausted) as caught:
        await world.run(target, increment, retry=policy)
    assert (caught.value.attempts, naps) == (1, [])


def wrapped(error):
    raise AppError from error


def like_sqlalchemy(error):
    outer = AppError("(driver) a statement failed")
    outer.orig = error
    raise outer from None


def like_django(error):
    outer = AppError("could not serialize").with_traceback(None)
    outer.__cause__ = error
    raise outer


@pytest.mark.parametrize("wrap", [wrapped, like_sqlalchemy, like_django])
async def test_a_conflict_that_other_layers_wrapped_is_repeated(
    world, target, naps, wrap
):
    world.lab.faults.conflict_at_statement("OC000", containing="update")

    async def body(db):
        try:
            await db.run(INCREMENT)
        except world.conflict as error:
            wrap(error)

    await world.run(target, body)
    assert (world.counted(), len(naps)) == (1, 1)


async def test_a_reader_that_was_overtaken_is_repeated_and_right(world):
    """One reads, another one updates and commits, the first one updates."""
    seen = []

    async def body(db):
        value = await db.value("select v from t where id = 1")
        seen.append(value)
        if len(seen) == 1:
            world.lab.sql("update t set v = 100 where id = 1")
        await db.run(f"update t set v = {value + 1} where id = 1")  # noqa: S608

    async with world.conn() as conn:
        await world.run(conn, body)
    assert seen == [0, 100]
    assert world.counted() == 101


async def test_ten_at_once_are_ten(world):
    async with world.pool(10) as pool:
        answers = await asyncio.gather(*(world.run(pool, count_up) for _ in range(10)))
    assert sorted(answers) == list(range(1, 11))
    assert world.counted() == 10


async def test_with_the_seeds_policy_every_failure_is_typed_and_none_is_half_done(
    world,
):
    policy = RetryPolicy.seed()

    async def ten(pool):
        return await asyncio.gather(
            *(world.run(pool, count_up, retry=policy) for _ in range(10)),
            return_exceptions=True,
        )

    async with world.pool(8) as pool:
        came = [one for _ in range(8) for one in await ten(pool)]
        failures = [one for one in came if isinstance(one, BaseException)]
        if not isinstance(pool, asyncpg.Pool):
            found = stats(pool)
            assert (found.commits, found.exhausted) == (
                80 - len(failures),
                len(failures),
            )
    assert {type(one) for one in failures} <= {world.errors.OCCRetryExhausted}
    assert {one.attempts for one in failures} <= {3}
    assert world.counted() == 80 - len(failures)


async def test_clients_that_met_once_wait_for_different_times(world, target, naps):
    """Whole milliseconds would be the same for all, and they would meet again."""
    for _ in range(20):
        world.lab.faults.conflict_at_commit()
        await world.run(target, increment)
    assert len(set(naps)) == 20


async def test_whoever_waits_for_the_next_attempt_holds_no_connection(
    world, pool, monkeypatch
):
    """The pool has one, and another transaction gets it meanwhile."""
    came = []
    world.lab.faults.conflict_at_commit()

    async def other(db):
        came.append(await db.value("select v from t"))

    def nap(seconds):
        at_once_in(pool, other)

    async def anap(seconds):
        await world.run(pool, other)

    monkeypatch.setattr(performing, "time", SimpleNamespace(sleep=nap))
    monkeypatch.setattr(performing, "asyncio", SimpleNamespace(sleep=anap))
    await world.run(pool, increment)
    assert (came, world.counted()) == ([0], 1)


async def test_psycopgs_own_settings_of_transactions_are_kept(world, conn):
    if isinstance(world, Asyncpg):
        return
    if isinstance(world, Blocking):
        conn.read_only = True
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    else:
        await conn.set_read_only(True)
        await conn.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await world.run(conn, increment)

    async def level(db):
        return await db.value("show transaction_isolation")

    assert await world.run(conn, level) == "repeatable read"

from __future__ import annotations

import threading

import asyncpg
import psycopg
import pytest

from tests.lab.dsql_client import (
    BOTH,
    CONFLICTS,
    LOST,
    PROTOCOLS,
    ask,
    by_asyncpg,
    by_psycopg,
    opened,
    rows,
    said,
    terminate,
    value_of,
    with_table,
)

CODES = pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "OC000",
            "change conflicts with another transaction, please retry: (OC000)",
        ),
        (
            "OC001",
            "schema has been updated by another transaction, please retry: (OC001)",
        ),
    ],
)


@pytest.fixture
def lab(dsql_lab):
    return with_table(dsql_lab)


# --- conflicts that are made --------------------------------------------------------


@BOTH
@PROTOCOLS
@CODES
async def test_a_commit_conflicts_when_told_to(lab, connect, send, code, text):
    lab.faults.conflict_at_commit(code)
    async with opened(connect, lab) as conn:
        await send(conn, "begin")
        await send(conn, "insert into t values (1, 1)")
        with pytest.raises(CONFLICTS) as caught:
            await send(conn, "commit")
        assert said(caught.value) == text
        # No transaction is left, aborted or other, and nothing of it was done.
        await send(conn, "insert into t values (2, 2)")
        assert rows(lab) == [(2, 2)]
        await send(conn, "begin")
        await send(conn, "insert into t values (3, 3)")
        await send(conn, "end")
    assert rows(lab) == [(2, 2), (3, 3)]
    done = lab.transactions
    assert (done.commits, done.committed, done.injected) == (2, 1, 1)
    assert (done.conflicts, done.cuts) == (0, 0)


async def test_drivers_own_transactions_conflict(lab):
    lab.faults.conflict_at_commit(times=4)
    with by_psycopg(lab, autocommit=False) as conn:
        conn.execute("insert into t values (1, 1)")
        with pytest.raises(psycopg.errors.SerializationFailure):
            conn.commit()
        assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        conn.execute("insert into t values (1, 1)")
        with pytest.raises(psycopg.errors.SerializationFailure):
            conn.commit()
    with (
        by_psycopg(lab) as conn,
        pytest.raises(psycopg.errors.SerializationFailure),
        conn.transaction(),
    ):
        conn.execute("insert into t values (1, 1)")
    async with opened(by_asyncpg, lab) as conn:
        with pytest.raises(asyncpg.SerializationError):
            async with conn.transaction():
                await conn.execute("insert into t values ($1, $2)", 1, 1)
        async with conn.transaction():
            await conn.execute("insert into t values ($1, $2)", 1, 2)
    assert rows(lab) == [(1, 2)]
    assert lab.transactions.injected == 4


async def test_a_retry_that_goes_on_long_enough_succeeds(lab):
    lab.faults.conflict_at_commit(times=3)
    lab.sql("insert into t values (1, 0)")
    attempts = 0
    async with opened(by_asyncpg, lab) as conn:
        while attempts < 10:
            attempts += 1
            try:
                async with conn.transaction():
                    await conn.execute("update t set v = v + 1")
                break
            except asyncpg.SerializationError:
                pass
    assert (attempts, rows(lab)) == (4, [(1, 1)])


def pipe(conn, *statements):
    with conn.pipeline():
        for sql in statements:
            conn.execute(sql)


def test_a_commit_conflicts_in_a_pipeline(lab):
    lab.faults.conflict_at_commit()
    with by_psycopg(lab) as conn:
        with (
            pytest.raises(psycopg.errors.SerializationFailure),
            conn.pipeline(),
            conn.transaction(),
        ):
            conn.execute("insert into t values (1, 1)")
        with conn.pipeline(), conn.transaction():
            conn.execute("insert into t values (2, 2)")
        assert conn.execute("select 1").fetchone() == (1,)
    assert rows(lab) == [(2, 2)]
    assert lab.transactions.injected == 1


def test_what_follows_a_failed_commit_in_a_pipeline_is_skipped(lab):
    lab.faults.conflict_at_commit()
    with by_psycopg(lab) as conn:
        first, second = "insert into t values (1, 1)", "insert into t values (2, 2)"
        with pytest.raises(psycopg.errors.SerializationFailure):
            pipe(conn, "begin", first, "commit", second)
        conn.execute("insert into t values (3, 3)")
    assert rows(lab) == [(3, 3)]


def test_a_commit_that_is_never_reached_keeps_the_fault(lab):
    lab.faults.conflict_at_commit()
    with by_psycopg(lab) as conn:
        with pytest.raises(psycopg.errors.DivisionByZero):
            pipe(conn, "begin", "select 1/0", "commit")
        assert conn.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        conn.execute("rollback")
        assert lab.transactions.injected == 0
        conn.execute("begin")
        with pytest.raises(psycopg.errors.SerializationFailure):
            conn.execute("commit")


def test_a_commit_of_nothing_keeps_the_fault(lab):
    lab.faults.conflict_at_commit()
    with by_psycopg(lab) as conn:
        conn.execute("commit")  # a warning of the server, outside of a transaction
        conn.execute("begin")
        with pytest.raises(psycopg.errors.DivisionByZero):
            conn.execute("select 1/0")
        assert conn.execute("commit").statusmessage == "ROLLBACK"
        assert lab.transactions.commits == 0
        conn.execute("begin")
        with pytest.raises(psycopg.errors.SerializationFailure):
            conn.execute("commit")


def test_a_rollback_and_single_statements_never_conflict_at_commit(lab):
    lab.faults.conflict_at_commit(times=None)
    with by_psycopg(lab) as conn:
        conn.execute("insert into t values (1, 1)")
        conn.execute("begin")
        conn.execute("rollback")
    assert rows(lab) == [(1, 1)]


@BOTH
@PROTOCOLS
@CODES
async def test_a_statement_conflicts_when_told_to(lab, connect, send, code, text):
    lab.faults.conflict_at_statement(code)
    async with opened(connect, lab) as conn:
        with pytest.raises(CONFLICTS) as caught:
            await send(conn, "begin")
        assert said(caught.value) == text
        await send(conn, "begin")
        lab.faults.conflict_at_statement(code, containing="update")
        await send(conn, "insert into t values (1, 1)")
        with pytest.raises(CONFLICTS):
            await send(conn, "update t set v = 2")
        with pytest.raises(
            (psycopg.errors.InFailedSqlTransaction, asyncpg.InFailedSQLTransactionError)
        ):
            await send(conn, "select 1")
        await send(conn, "rollback")
        await send(conn, "select 1")
    assert rows(lab) == []
    assert lab.transactions.injected == 2


# --- conflicts that are real --------------------------------------------------------


@BOTH
async def test_two_writers_of_a_row_conflict_without_a_wait(lab, connect):
    lab.sql("insert into t values (1, 0)")
    async with opened(connect, lab) as one, opened(connect, lab) as two:
        await ask(one, "begin")
        await ask(one, "update t set v = 1")
        await ask(two, "begin")
        with pytest.raises(CONFLICTS, match=r"please retry: \(OC000\)"):
            await ask(two, "update t set v = 2")
        await ask(two, "rollback")
        await ask(one, "commit")
    assert rows(lab) == [(1, 1)]
    assert (lab.transactions.conflicts, lab.transactions.injected) == (1, 0)


@BOTH
async def test_a_row_that_changed_since_the_snapshot_conflicts(lab, connect):
    lab.sql("insert into t values (1, 0)")
    async with opened(connect, lab) as one, opened(connect, lab, "app") as two:
        await ask(one, "begin")
        assert await value_of(one, "select v from t") == 0
        await ask(two, "update t set v = 5")
        assert await value_of(one, "select v from t") == 0
        with pytest.raises(CONFLICTS, match="OC000"):
            await ask(one, "update t set v = 1")
        await ask(one, "rollback")
    assert rows(lab) == [(1, 5)]


def test_what_sql_raises_at_commit_conflicts(lab):
    lab.sql(
        "create function late() returns trigger language plpgsql as"
        " $$ begin raise 'catalog (OC001)' using errcode = '40001'; end $$"
    )
    lab.sql(
        "create constraint trigger late after insert on t initially deferred"
        " for each row execute function late()"
    )
    try:
        with by_psycopg(lab, autocommit=False) as conn:
            conn.execute("insert into t values (1, 1)")
            with pytest.raises(psycopg.errors.SerializationFailure, match="updated by"):
                conn.commit()
    finally:
        lab.sql("drop function late cascade")
    done = lab.transactions
    assert (done.commits, done.committed, done.conflicts) == (1, 0, 1)


def test_a_long_message_is_understood_in_pieces(lab):
    lab.sql("insert into t values (1, 0)")
    with by_psycopg(lab) as one, by_psycopg(lab) as two:
        one.execute("begin")
        one.execute("update t set v = 1")
        padding = "x" * 300_000
        with pytest.raises(psycopg.errors.SerializationFailure, match="OC000"):
            two.execute("update t set v = length(%s)", [padding])
        got = two.execute("select repeat('y', 3000000)").fetchone()
        assert got == ("y" * 3_000_000,)


def test_the_wait_for_a_lock_may_be_without_end(make_dsql_lab, eventually):
    lab = make_dsql_lab(lock_timeout_ms=0)
    lab.sql("create table t (v int); insert into t values (0); grant all on t to app")
    with by_psycopg(lab, "app") as one, by_psycopg(lab, "app") as two:
        one.execute("begin")
        one.execute("update t set v = v + 1")
        waiting = threading.Thread(
            target=two.execute, args=("select 1 from t for update",)
        )
        waiting.start()
        waited = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
        assert eventually(lambda: lab.sql(waited))
        one.execute("rollback")
        waiting.join(5)
        assert not waiting.is_alive()


# --- cuts ---------------------------------------------------------------------------


@BOTH
@PROTOCOLS
@pytest.mark.parametrize(
    ("when", "kept"), [("before commit", []), ("after commit", [(1, 1)])]
)
async def test_a_cut_at_commit(lab, connect, send, when, kept):
    lab.faults.cut(when)
    async with opened(connect, lab) as conn:
        await send(conn, "begin")
        await send(conn, "insert into t values (1, 1)")
        with pytest.raises(LOST):
            await send(conn, "commit")
        assert rows(lab) == kept
        await terminate(conn)
    assert lab.transactions.cuts == 1
    assert (lab.transactions.commits, lab.transactions.committed) == (1, len(kept))
    async with opened(connect, lab) as conn:
        await send(conn, "begin")
        await send(conn, "commit")


def test_a_cut_after_a_commit_that_fails_waits_for_one_that_does_not(lab):
    lab.sql(
        "alter table t add constraint late unique (v) deferrable initially deferred"
    )
    lab.sql("insert into t values (1, 1)")
    lab.faults.cut("after commit")
    with by_psycopg(lab, autocommit=False) as conn:
        conn.execute("insert into t values (2, 1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.commit()
        conn.execute("insert into t values (3, 3)")
        with pytest.raises(psycopg.OperationalError):
            conn.commit()
    assert rows(lab) == [(1, 1), (3, 3)]
    assert lab.transactions.cuts == 1


def test_cuts_and_conflicts_come_in_order(lab):
    lab.faults.conflict_at_commit()
    lab.faults.cut("before commit")
    seen = []
    for _ in range(3):
        with by_psycopg(lab) as conn:
            try:
                conn.execute("begin")
                conn.execute("commit")
                seen.append(None)
            except psycopg.Error as error:
                seen.append(error.sqlstate or "lost")
    assert seen == ["40001", "lost", None]

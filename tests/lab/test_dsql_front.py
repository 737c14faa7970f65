from __future__ import annotations

import asyncio
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
    sleep,
    value_of,
    with_table,
)


@pytest.fixture
def lab(dsql_lab):
    return with_table(dsql_lab)


# --- session parameters -------------------------------------------------------------


@BOTH
@PROTOCOLS
async def test_parameters_that_dsql_lacks_cannot_be_set(lab, connect, send):
    text = 'setting configuration parameter "statement_timeout" not supported'
    kinds = (psycopg.errors.FeatureNotSupported, asyncpg.FeatureNotSupportedError)
    async with opened(connect, lab) as conn:
        with pytest.raises(kinds) as caught:
            await send(conn, "set statement_timeout = '3s'")
        assert said(caught.value) == text
        await send(conn, "set search_path = public")
        await send(conn, "begin")
        with pytest.raises(kinds):
            await send(conn, "set local statement_timeout = '3s'")
        with pytest.raises(
            (psycopg.errors.InFailedSqlTransaction, asyncpg.InFailedSQLTransactionError)
        ):
            await send(conn, "select 1")
    assert lab.transactions.injected == 0


def test_parameters_are_free_if_so_wished(make_dsql_lab):
    lab = make_dsql_lab(check_parameters=False)
    with by_psycopg(lab, options="-c statement_timeout=4s") as conn:
        assert conn.execute("show statement_timeout").fetchone() == ("4s",)
        conn.execute("set statement_timeout = '3s'")
        assert conn.execute("show statement_timeout").fetchone() == ("3s",)


# --- ends ---------------------------------------------------------------------------


@BOTH
async def test_sessions_of_an_age_are_killed(lab, connect):
    async with opened(connect, lab) as old:
        await ask(old, "begin")
        assert lab.faults.kill(age=3600) == 0
        assert lab.faults.kill() == 1
        lab.wait_connections(0)
        with pytest.raises((*LOST, asyncpg.InterfaceError)):
            await ask(old, "select 1")
    assert lab.faults.kill() == 0


@BOTH
async def test_a_query_may_be_killed(lab, connect, eventually):
    def kill_when_busy():
        assert eventually(lambda: is_asleep(lab))
        assert lab.faults.kill_idle() == 0
        return lab.faults.kill()

    async with opened(connect, lab) as conn:
        killed = asyncio.create_task(asyncio.to_thread(kill_when_busy))
        with pytest.raises(LOST):
            await sleep(conn)
        assert await killed == 1


def test_idle_sessions_are_killed_and_others_spared(lab):
    with by_psycopg(lab) as idle, by_psycopg(lab) as busy:
        busy.execute("begin")
        assert lab.faults.kill_idle() == 1
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
        busy.execute("commit")
        assert lab.connections == 1


def test_an_age_may_be_the_limit(lab):
    lab.faults.limit_age(0.05)
    with by_psycopg(lab) as short:
        lab.faults.limit_age(None)
        with by_psycopg(lab) as long:
            lab.wait_connections(1)
            with pytest.raises(psycopg.OperationalError):
                short.execute("select 1")
            long.execute("select 1")


def test_a_session_that_ends_before_the_limit_is_no_trouble(lab):
    lab.faults.limit_age(3600)
    by_psycopg(lab).close()
    lab.wait_connections(0)


def test_what_the_server_says_last_arrives(lab):
    with by_psycopg(lab) as conn:
        pid = conn.info.backend_pid
        lab.sql(f"select pg_terminate_backend({pid}, 5000)")
        with pytest.raises(psycopg.errors.AdminShutdown):
            conn.execute("select 1")
    lab.wait_connections(0)


async def test_a_frozen_cluster_loses_nothing(lab):
    done = threading.Event()

    def work(conn):
        conn.execute("insert into t values (1, 1)")
        by_psycopg(lab).close()
        done.set()

    with by_psycopg(lab) as conn:
        lab.faults.freeze()
        with pytest.raises(TimeoutError):
            await by_asyncpg(lab, timeout=0.1)
        thread = threading.Thread(target=work, args=(conn,))
        thread.start()
        assert not done.wait(0.1)
        assert rows(lab) == []
        lab.faults.thaw()
        thread.join(10)
        assert done.is_set()
    assert rows(lab) == [(1, 1)]


def is_asleep(lab):
    return lab.sql("select 1 from pg_stat_activity where wait_event = 'PgSleep'")


def test_a_query_can_be_cancelled(lab, eventually):
    cancelled = []

    def cancel():
        cancelled.append(eventually(lambda: is_asleep(lab)))
        conn.cancel_safe()

    with by_psycopg(lab) as conn:
        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("select pg_sleep(30)")
        canceller.join()
        assert conn.execute("select 1").fetchone() == (1,)
    assert cancelled == [True]
    assert len(lab.logins) == 1


async def test_a_task_with_a_query_can_be_cancelled(lab, eventually):
    async with opened(by_asyncpg, lab) as conn:
        with lab.names():
            task = asyncio.create_task(sleep(conn))
            assert await asyncio.to_thread(eventually, lambda: is_asleep(lab))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await conn.fetchval("select 1") == 1
    assert not is_asleep(lab)
    assert len(lab.logins) == 1


@BOTH
async def test_copy_works_and_so_do_faults_after_it(lab, connect):
    lab.faults.conflict_at_commit()
    async with opened(connect, lab) as conn:
        await ask(conn, "begin")
        if connect is by_psycopg:
            with conn.cursor() as cur, cur.copy("copy t from stdin") as copy:
                for number in range(2000):
                    copy.write_row((number, number))
        else:
            records = [(number, number) for number in range(2000)]
            await conn.copy_records_to_table("t", records=records)
        with pytest.raises(CONFLICTS):
            await ask(conn, "commit")
        assert await value_of(conn, "select count(*) from t") == 0
    assert rows(lab) == []

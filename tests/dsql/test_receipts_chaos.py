"""Commits cut off at random: what is told is what the server has, to the last one."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg_pool
import pytest

from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions.counters import stats
from moorline.dsql.transactions.run import run_transaction
from tests.dsql.transacting import INCREMENT, Blocking

# How many increments; the same has been run with 1000.
INCREMENTS = 100
THREADS = 4
# Four threads want one row, and every other commit is cut: the usual delays grow long.
POLICY = RetryPolicy(max_delay_ms=100)


@pytest.fixture
def lab(dsql_lab):
    for table, columns in {
        "t": "id int primary key, v int not null",
        "receipts": "id uuid primary key, at timestamptz default now()",
    }.items():
        dsql_lab.sql(f"drop table if exists {table}")
        dsql_lab.sql(f"create table {table} ({columns})")
        dsql_lab.sql(f"grant all on {table} to admin")
    dsql_lab.sql("insert into t values (1, 0)")
    return dsql_lab


def test_with_receipts_no_increment_is_lost_or_doubled(lab):
    dice, lock = random.Random(4711), threading.Lock()

    def increment(conn):
        with lock:
            roll = dice.random()
        if roll < 0.5:
            lab.faults.cut("before commit" if roll < 0.25 else "after commit")
        conn.execute(INCREMENT)

    with psycopg_pool.ConnectionPool(
        kwargs=Blocking(lab).arguments, min_size=THREADS, max_size=THREADS
    ) as pool:

        def once(_):
            run_transaction(pool, increment, retry=POLICY, receipt="receipts")

        with ThreadPoolExecutor(THREADS) as threads:
            told = sum(1 for _ in threads.map(once, range(INCREMENTS)))
        found = stats(pool)
    assert told == found.commits == INCREMENTS
    assert Blocking(lab).counted() == INCREMENTS
    assert lab.transactions.cuts > INCREMENTS / 5
    assert found.resolved > INCREMENTS / 10

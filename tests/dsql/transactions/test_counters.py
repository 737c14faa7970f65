"""What is counted for a pool or a connection."""

from __future__ import annotations

import gc
import threading
from weakref import WeakKeyDictionary

import asyncpg
import psycopg
import pytest

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions import counters
from moorline.dsql.transactions.counters import Stats, counter_of, stats
from tests.dsql.transacting import INCREMENT, Asyncpg, Blocking


async def increment(db):
    await db.run(INCREMENT)


async def test_every_transaction_is_counted_as_what_became_of_it(world, lab, naps):
    kind = {"connection_class": type("Own", (asyncpg.Connection,), {})}
    async with world.conn(**kind if isinstance(world, Asyncpg) else {}) as conn:
        assert stats(conn) == Stats()
        await world.run(conn, increment)

        async def wrong(db):
            raise LookupError

        with pytest.raises(LookupError):
            await world.run(conn, wrong)
        lab.faults.conflict_at_commit(times=3)
        with pytest.raises(errors.OCCRetryExhausted):
            await world.run(conn, increment, retry=RetryPolicy(max_attempts=3))
        lab.faults.conflict_at_commit()
        await world.run(conn, increment)
        lab.faults.cut("after commit")
        with pytest.raises(errors.CommitOutcomeUnknown):
            await world.run(conn, increment)
        assert stats(conn) == Stats(
            transactions=5,
            commits=2,
            exhausted=1,
            unknown=1,
            failed=1,
            conflicts=4,
            retries=3,
        )


async def test_dead_connections_are_counted(lab):
    world = Blocking(lab)
    async with world.pool(2) as pool:
        lab.faults.kill_idle()
        await world.run(pool, increment)
        found = stats(pool)
    assert (found.transactions, found.commits, found.retries) == (1, 1, 0)
    assert found.replaced >= 1


def test_counts_go_with_what_they_are_about(monkeypatch):
    monkeypatch.setattr(counters, "_counters", WeakKeyDictionary())

    class Target:
        pass

    target = Target()
    counter_of(target).add("commits")
    assert stats(target).commits == 1
    del target
    gc.collect()
    assert len(counters._counters) == 0


async def test_what_cannot_be_counted_says_so(lab):
    async with Asyncpg(lab).pool() as pool:
        with pytest.raises(errors.ConfigError, match=r"moorline\.dsql\.asyncpg"):
            stats(pool)


def test_threads_do_not_lose_counts():
    class Target:
        pass

    target = Target()

    def add():
        for _ in range(1000):
            counter_of(target).add("commits")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats(target).commits == 8000


def test_a_child_does_not_wait_for_a_thread_that_it_has_not(monkeypatch):
    monkeypatch.setattr(counters, "_lock", threading.Lock())
    counters._lock.acquire()
    counters._start_afresh()
    assert stats(psycopg.Connection) == Stats()

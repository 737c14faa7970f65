"""Callers who are cancelled or interrupted, at any moment of a transaction."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from types import SimpleNamespace

import psycopg_pool
import pytest

from moorline import errors
from moorline.dsql.transactions import performing, session_asyncpg, session_psycopg
from moorline.dsql.transactions.run import run_transaction
from tests.dsql.transacting import INCREMENT, WORLDS, Blocking, Db

SESSIONS = (session_psycopg.AsyncPsycopgSession, session_asyncpg.AsyncpgSession)


async def increment(db):
    await db.run(INCREMENT)


async def one(db):
    return await db.value("select 1")


@pytest.fixture
def commits(monkeypatch):
    """Tell, for each COMMIT, that it is being sent."""
    sent = asyncio.Queue()
    for kind in SESSIONS:

        def watched(session, step, run=kind.run):
            if step.sql == "COMMIT":
                sent.put_nowait(step)
            return run(session, step)

        monkeypatch.setattr(kind, "run", watched)
    return sent


class Frozen:
    """A transaction whose COMMIT is on its way to a server that says nothing."""

    def __init__(self, world, commits):
        self.world, self.commits, self.db = world, commits, None

    async def body(self, db):
        self.db = db
        await db.run(INCREMENT)
        self.world.lab.faults.freeze()

    def begin(self, target):
        return asyncio.create_task(self.world.run(target, self.body))

    async def committing(self):
        await self.commits.get()
        for _ in range(3):  # until it has left
            await asyncio.sleep(0)


@pytest.fixture(params=["psycopg async", "asyncpg"])
def world(request, lab):
    return WORLDS[request.param](lab)


@pytest.fixture
def frozen(world, commits, lab):
    yield Frozen(world, commits)
    lab.faults.thaw()


async def test_whoever_is_cancelled_during_commit_is_told_and_cancelled(frozen, target):
    """A ROLLBACK and a plain CancelledError, with nobody knowing the outcome."""
    task = frozen.begin(target)
    await frozen.committing()
    task.cancel()
    with pytest.raises(errors.CommitOutcomeUnknown) as caught:
        await task
    assert isinstance(caught.value, asyncio.CancelledError)
    assert isinstance(caught.value, frozen.world.errors.CommitCancelled)
    assert task.cancelled()
    assert frozen.db.is_gone
    frozen.world.lab.faults.thaw()


async def test_a_pool_goes_on_after_a_commit_that_was_cancelled(
    frozen, pool, world, caplog
):
    task = frozen.begin(pool)
    await frozen.committing()
    task.cancel()
    with pytest.raises(errors.CommitOutcomeUnknown):
        await task
    world.lab.faults.thaw()
    await world.run(pool, increment)
    assert world.counted() in {1, 2}  # the first one may be done, or not
    del task
    gc.collect()
    assert [one for one in caplog.records if one.name == "asyncio"] == []


async def test_a_time_limit_during_commit_tells_of_the_outcome(frozen, pool):
    """In Python 3.11 the error itself comes out, later a TimeoutError around it."""

    async def limited():
        async with asyncio.timeout(None) as limit:
            running = asyncio.ensure_future(frozen.committing())
            running.add_done_callback(lambda _: limit.reschedule(0))
            await frozen.world.run(pool, frozen.body)

    with pytest.raises((TimeoutError, errors.CommitOutcomeUnknown)) as caught:
        await limited()
    frozen.world.lab.faults.thaw()
    error = caught.value
    told = error.__cause__ if isinstance(error, TimeoutError) else error
    assert isinstance(told, errors.CommitOutcomeUnknown)
    assert asyncio.current_task().cancelling() == 0


async def test_a_group_of_tasks_cancels_one_that_commits(frozen, pool):
    async def fail():
        await frozen.committing()
        raise ValueError

    async def both():
        async with asyncio.TaskGroup() as group:
            group.create_task(frozen.world.run(pool, frozen.body))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    frozen.world.lab.faults.thaw()
    assert [type(one) for one in caught.value.exceptions] == [ValueError]


async def test_whoever_is_cancelled_in_the_function_is_just_cancelled(world, target):
    began = asyncio.Event()

    async def body(db):
        await db.run(INCREMENT)
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(world.run(target, body))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert type(caught.value) is asyncio.CancelledError
    assert await world.run(target, one) == 1  # nothing holds the row, nor the pool
    await world.run(target, increment)
    assert world.counted() == 1


async def test_whoever_is_cancelled_in_a_statement_leaves_a_clean_pool(
    world, pool, lab
):

    async def body(db):
        await db.run(INCREMENT)
        await db.run("select pg_sleep(30)")

    task = asyncio.create_task(world.run(pool, body))
    asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    while lab.sql(asleep) != [("1",)]:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert type(caught.value) is asyncio.CancelledError
    for _ in range(3):
        await world.run(pool, increment)
    assert world.counted() == 3


async def test_whoever_is_cancelled_during_begin_leaves_no_transaction(
    world, conn, lab, monkeypatch
):
    """The driver has not heard that it began, and takes the connection for idle."""
    began = asyncio.Event()
    for kind in SESSIONS:

        def watched(session, given, begin=kind.begin):
            began.set()
            return begin(session, given)

        monkeypatch.setattr(kind, "begin", watched)
    lab.faults.freeze()
    task = asyncio.create_task(world.run(conn, one))
    await began.wait()
    for _ in range(3):  # until it has left
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    lab.faults.thaw()
    assert type(caught.value) is asyncio.CancelledError
    assert Db(conn).is_gone


async def test_whoever_is_cancelled_between_two_attempts_holds_nothing(
    world, pool, lab, monkeypatch
):
    napping = asyncio.Event()

    async def nap(seconds):
        napping.set()
        await asyncio.Event().wait()

    lab.faults.conflict_at_commit()
    monkeypatch.setattr(performing, "asyncio", SimpleNamespace(sleep=nap))
    task = asyncio.create_task(world.run(pool, increment))
    await napping.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert type(caught.value) is asyncio.CancelledError
    await world.run(pool, increment)
    assert world.counted() == 1


async def test_whoever_is_cancelled_while_giving_back_gives_back(lab):
    """The pool may be locked just then, and would be one connection short."""
    world, giving, may_go = (
        WORLDS["psycopg async"](lab),
        asyncio.Event(),
        asyncio.Event(),
    )
    async with world.pool() as pool:
        putconn = pool.putconn

        async def slow(conn):
            giving.set()
            await may_go.wait()
            await putconn(conn)

        pool.putconn = slow
        task = asyncio.create_task(world.run(pool, increment))
        await giving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_go.set()
        await world.run(pool, increment)
    assert lab.accepted == 1
    assert world.counted() == 2


@pytest.fixture
def ctrl_c():
    """Have Ctrl-C raise, which a shell may have switched off for its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_commit_is_told_and_interrupts(lab, monkeypatch):
    sent = threading.Event()
    run = session_psycopg.PsycopgSession.run

    def watched(session, step):
        if step.sql == "COMMIT":
            sent.set()
        return run(session, step)

    monkeypatch.setattr(session_psycopg.PsycopgSession, "run", watched)

    def body(conn):
        conn.execute(INCREMENT)
        lab.faults.freeze()

    def interrupt():
        sent.wait(10)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with psycopg_pool.ConnectionPool(
        kwargs=Blocking(lab).arguments, min_size=1
    ) as pool:
        pool.wait()
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(errors.CommitOutcomeUnknown) as caught:
            run_transaction(pool, body)
        assert isinstance(caught.value, KeyboardInterrupt)
        thread.join()
        lab.faults.thaw()
        run_transaction(pool, lambda conn: conn.execute(INCREMENT))
    assert Blocking(lab).counted() in {1, 2}

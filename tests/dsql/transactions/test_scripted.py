"""What no server does on demand: a driver that plays a part, step by step."""

from __future__ import annotations

import asyncio
from itertools import count

import psycopg
import pytest

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions.counters import Counter
from moorline.dsql.transactions.driver_psycopg import DRIVER
from moorline.dsql.transactions.outcome import State
from moorline.dsql.transactions.performing import aperform
from moorline.dsql.transactions.surroundings import Surroundings
from moorline.dsql.transactions.transacting import Transacting

LOST = psycopg.OperationalError("the connection is lost")


class Session:
    """A connection, and what is raised at each step; a plain tag otherwise."""

    def __init__(self, **troubles):
        self.troubles = troubles
        self.state = State.IDLE
        self.closed = 0
        self.done = []
        ticks = count()
        self.counter = Counter()
        self.here = Surroundings(
            driver=DRIVER.__class__(
                **{
                    **{name: getattr(DRIVER, name) for name in DRIVER.__slots__},
                    "state": lambda conn: self.state,
                    "close": self.close,
                }
            ),
            pooled=True,
            policy=RetryPolicy(),
            receipts=None,
            counter=self.counter,
            clock=lambda: float(next(ticks)),
            dice=lambda: 0.5,
        )

    def close(self, conn):
        self.closed += 1
        self.state = State.LOST

    def step(self, name):
        self.done.append(name)
        if name in self.troubles:
            raise self.troubles[name]
        return name

    async def acquire(self):
        return self.step("acquire")

    async def begin(self, conn):
        self.step("begin")
        self.state = State.OPEN

    async def run(self, step):
        answer = self.step(step.sql.lower())
        self.state = State.IDLE
        return answer.upper()

    async def release(self, conn):
        self.step("release")


async def play(session, error=None):
    one = Transacting(session.here)
    await aperform(one.enter(), session)
    return await aperform(one.leave(error), session)


async def test_a_lost_reply_is_told_though_the_caller_is_cancelled_after_it():
    session = Session(commit=LOST, release=asyncio.CancelledError())
    with pytest.raises(errors.CommitOutcomeUnknown) as caught:
        await play(session)
    assert isinstance(caught.value, asyncio.CancelledError)
    assert session.closed


async def test_a_connection_that_cannot_be_given_back_is_closed_and_no_failure():
    """The transaction is committed, and an error would say that it is not."""
    session = Session(release=LOST)
    assert await play(session)
    assert session.closed == 1
    assert session.counter.read().commits == 1


async def test_whoever_is_cancelled_after_commit_learns_that_it_was_done():
    session = Session(release=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError) as caught:
        await play(session)
    assert caught.value.__notes__ == ["the transaction had been committed by then"]
    assert session.counter.read().commits == 1


async def test_a_rollback_that_fails_hides_nothing_and_closes():
    session = Session(rollback=LOST)
    assert await play(session, LookupError()) is False
    assert session.done == ["acquire", "begin", "rollback", "release"]
    assert session.closed


async def test_whoever_is_cancelled_in_rollback_is_cancelled_and_holds_nothing():
    session = Session(rollback=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await play(session, LookupError())
    assert session.done[-1] == "release"
    assert session.closed == 1
    assert session.counter.read().failed == 1


async def test_a_connection_in_the_middle_of_a_statement_is_closed():
    session = Session()
    one = Transacting(session.here)
    await aperform(one.enter(), session)
    session.state = State.BUSY
    assert await aperform(one.leave(LookupError()), session) is False
    assert session.done == ["acquire", "begin", "release"]
    assert session.closed == 1


async def test_an_exit_during_commit_stays_an_exit():
    session = Session(commit=SystemExit(3))
    with pytest.raises(SystemExit) as caught:
        await play(session)
    assert caught.value.__notes__ == ["COMMIT was sent, and its outcome is unknown"]
    assert session.closed

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from moorline.core.secret import Secret
from moorline.core.steps import Act, Start, Wait
from moorline.dsql.signing import Token
from moorline.dsql.tokens import Failed, Signed, TokenSource, obtain
from moorline.errors import ConfigError, TokenError
from moorline.shell import aio, sync

LIFE = 100.0


class Service:
    """Signs tokens by a clock that is set by hand; fails when it is told to."""

    def __init__(self):
        self.now = 1000.0
        self.signed = 0
        self.error = None
        self.gate = threading.Event()
        self.gate.set()

    def sign(self):
        self.gate.wait(10)
        if self.error:
            raise self.error
        self.signed += 1
        end = self.now + LIFE
        text = Secret(f"token {self.signed}")
        return Token(text, self.now, end, self.now + 0.8 * LIFE)

    def source(self):
        return TokenSource(
            self.sign,
            clock=lambda: self.now,
            new_lock=threading.Lock,
            new_flight=Future,
            dice=random.Random(3).random,
        )


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def source(service):
    return service.source()


def play(flow):
    """Perform a flow, and what it began in the background after it."""
    behind = []

    def perform(flow):
        try:
            step = flow.send(None)
            while True:
                try:
                    match step:
                        case Act(function):
                            result = function()
                        case Start(other):
                            result = behind.append(other)
                        case Wait(flight, _):
                            result = flight.result(0)
                except Exception as error:  # noqa: BLE001 - as the runners do
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    try:
        return perform(flow).text.reveal()
    finally:
        for other in behind:
            perform(other)


def test_a_token_is_signed_once_and_kept(service, source):
    assert source.usable() is None
    assert [play(obtain(source)) for _ in range(3)] == ["token 1"] * 3
    assert source.usable() is source.token
    assert service.signed == 1


def test_the_next_one_is_signed_behind_the_callers_back(service, source):
    play(obtain(source))
    service.now += 0.8 * LIFE
    assert play(obtain(source)) == "token 1"
    assert play(obtain(source)) == "token 2"
    assert service.signed == 2


def test_a_process_that_was_frozen_finds_out_at_once(service, source):
    play(obtain(source))
    service.now += 5 * LIFE
    assert source.usable() is None
    assert play(obtain(source)) == "token 2"


def test_a_renewal_that_fails_is_tried_again_while_the_old_token_lives(service, source):
    play(obtain(source))
    service.now += 0.8 * LIFE
    service.error = OSError("the endpoint is down")
    assert play(obtain(source)) == "token 1"
    assert source.last_error is service.error
    for _ in range(3):  # not at each connect, though
        assert play(obtain(source)) == "token 1"
    service.error = None
    service.now += 10.0
    assert play(obtain(source)) == "token 1"
    assert play(obtain(source)) == "token 2"
    assert source.last_error is None


def test_failures_are_told_when_there_is_no_token_left(service, source):
    play(obtain(source))
    service.now += LIFE
    service.error = OSError("the endpoint is down")
    with pytest.raises(TokenError, match="the endpoint is down") as raised:
        play(obtain(source))
    assert raised.value.__cause__ is service.error
    service.error = None
    assert play(obtain(source)) == "token 2"  # no back-off keeps a caller away


def test_who_waited_for_a_signing_that_failed_has_one_of_its_own(service, source):
    flight, _ = source.claim()
    flow = obtain(source)
    assert flow.send(None) == Wait(flight, None)
    source.land(flight, Failed(OSError("the endpoint was down")))
    act = flow.send(flight.result(0))
    assert isinstance(act, Act)
    wait = flow.send(service.sign())
    with pytest.raises(StopIteration) as done:
        flow.send(wait.flight.result(0))
    assert done.value.value.text.reveal() == "token 1"


def test_but_only_one(source):
    flow = obtain(source)
    flight, _ = source.claim()
    flow.send(None)
    source.land(flight, Failed(OSError("down")))
    flow.send(flight.result(0))
    wait = flow.throw(OSError("still down"))
    with pytest.raises(TokenError, match="still down"):
        flow.send(wait.flight.result(0))


def test_what_no_other_try_would_change_is_told_at_once(source):
    flow = obtain(source)
    flight, _ = source.claim()
    flow.send(None)
    source.land(flight, Failed(ConfigError("there are no credentials")))
    with pytest.raises(TokenError, match="there are no credentials"):
        flow.send(flight.result(0))


def test_a_token_that_the_server_refused_is_used_no_more(service, source):
    play(obtain(source))
    refused = source.token
    source.discard(refused)
    assert play(obtain(source)) == "token 2"
    source.discard(refused)  # again is nothing
    assert play(obtain(source)) == "token 2"


def test_who_comes_while_one_is_signed_waits_for_it(service, source):
    flight, leads = source.claim()
    assert leads
    flow = obtain(source)
    assert flow.send(None) == Wait(flight, None)
    source.land(flight, Signed(service.sign()))
    with pytest.raises(StopIteration) as done:
        flow.send(flight.result(0))
    assert done.value.value.text.reveal() == "token 1"


def test_when_the_leader_is_cancelled_the_next_one_leads(source):
    leader, follower = obtain(source), obtain(source)
    assert isinstance(leader.send(None), Act)
    step = follower.send(None)
    leader.close()
    outcome = step.flight.result(0)
    assert outcome == Failed(None)
    assert isinstance(follower.send(outcome), Act)


def test_a_forked_child_has_no_flight_and_keeps_the_token(service, source):
    play(obtain(source))
    flight, _ = source.claim()
    source.start_afresh()
    assert source.claim()[0] is not flight
    assert source.usable()


def test_a_hundred_connects_of_eight_threads_sign_once(service, source):
    service.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(sync.run, obtain(source), None) for _ in range(100)]
        service.gate.set()
    assert {job.result().text.reveal() for job in jobs} == {"token 1"}
    assert service.signed == 1


async def test_threads_and_tasks_share_one_signing_and_the_loop_goes_on(
    service, source
):
    service.gate.clear()
    tasks = [asyncio.create_task(aio.run(obtain(source), None)) for _ in range(20)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(sync.run, obtain(source), None) for _ in range(4)]
        await asyncio.sleep(0)  # the loop is free, though nothing is signed yet
        assert not any(task.done() for task in tasks)
        service.gate.set()
        tokens = await asyncio.gather(*tasks)
    assert {token.text.reveal() for token in tokens} == {"token 1"}
    assert {job.result().text.reveal() for job in jobs} == {"token 1"}
    assert service.signed == 1


def test_no_repr_shows_a_token(source):
    play(obtain(source))
    assert "token 1" not in repr(vars(source))

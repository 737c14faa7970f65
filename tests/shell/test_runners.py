"""What both runners do; each case runs on the one for threads and the one for tasks."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import Future

import pytest

from moorline.core.flight import Landed
from moorline.core.flow import Step
from moorline.core.steps import Close, Connect, Fetch, Now, Start, Wait
from moorline.shell import aio, sync

CONNECT = Connect(None, 1.0)


class Conn:
    pass


class Driver:
    """Notes what it is asked for; `fail` is raised by the step of that name."""

    def __init__(self, **fail):
        self.fail = fail
        self.calls = []
        self.open = []

    def _perform(self, name):
        self.calls.append(name)
        if name in self.fail:
            raise self.fail[name]

    def connect(self, step):
        self._perform("connect")
        self.open.append(Conn())
        return self.open[-1]

    def fetch(self, step):
        self._perform("fetch")
        return [{"sql": step.sql}]

    def close(self, conn):
        self._perform("close")
        self.open.remove(conn)


class AsyncDriver(Driver):
    async def connect(self, step):
        return super().connect(step)

    async def fetch(self, step):
        return super().fetch(step)

    async def close(self, conn):
        super().close(conn)


class Sync:
    driver = Driver

    @staticmethod
    def run(flow, driver):
        return sync.run(flow, driver)


class Async:
    driver = AsyncDriver

    @staticmethod
    def run(flow, driver):
        return asyncio.run(aio.run(flow, driver))


@pytest.fixture(params=[Sync, Async], ids=["sync", "asyncio"])
def shell(request):
    return request.param


def test_each_step_is_performed_once_and_its_result_sent_back(shell):
    def flow():
        before = yield from Now()
        conn = yield from Connect(None, None)
        rows = yield from Fetch(conn, "select 1", None)
        yield from Close(conn)
        after = yield from Now()
        return rows, before <= after

    driver = shell.driver()
    assert shell.run(flow(), driver) == ([{"sql": "select 1"}], True)
    assert driver.calls == ["connect", "fetch", "close"]


@pytest.mark.parametrize("step", ["connect", "fetch", "close"])
def test_an_exception_is_thrown_into_the_flow_which_may_go_on(shell, step):
    def flow():
        try:
            conn = yield from CONNECT
            yield from Fetch(conn, "select 1", None)
            yield from Close(conn)
        except LookupError as error:
            return f"handled {error}"

    driver = shell.driver(**{step: LookupError("it")})
    assert shell.run(flow(), driver) == "handled it"
    assert driver.calls.count(step) == 1


def test_an_exception_that_the_flow_does_not_handle_comes_out(shell):
    def flow():
        yield from CONNECT

    with pytest.raises(LookupError, match="it"):
        shell.run(flow(), shell.driver(connect=LookupError("it")))


def test_runners_retry_nothing(shell):
    def flow():
        try:
            yield from CONNECT
        except ConnectionError:
            return "gave up"

    driver = shell.driver(connect=ConnectionRefusedError())
    assert shell.run(flow(), driver) == "gave up"
    assert driver.calls == ["connect"]


def test_a_connection_that_is_returned_stays_open(shell):
    def flow():
        return (yield from CONNECT)

    driver = shell.driver()
    conn = shell.run(flow(), driver)
    assert driver.open == [conn]


@pytest.mark.parametrize("end", ["returns", "raises"])
def test_a_connection_that_is_not_returned_is_closed(shell, end):
    def flow():
        yield from CONNECT
        kept = yield from CONNECT
        if end == "raises":
            raise LookupError
        return kept

    driver = shell.driver()
    if end == "raises":
        with pytest.raises(LookupError):
            shell.run(flow(), driver)
        assert driver.open == []
    else:
        assert [shell.run(flow(), driver)] == driver.open


def test_a_connection_that_the_flow_closed_is_not_closed_again(shell):
    def flow():
        conn = yield from CONNECT
        yield from Close(conn)

    driver = shell.driver()
    shell.run(flow(), driver)
    assert driver.calls == ["connect", "close"]


def test_a_flow_that_yields_while_closing_is_an_error_and_leaks_no_connection():
    def flow():
        yield from CONNECT
        try:
            yield from Fetch(None, "", None)
        finally:
            yield from Now()

    driver = Driver(fetch=KeyboardInterrupt())
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        sync.run(flow(), driver)
    assert driver.open == []


async def test_the_same_when_a_task_is_cancelled():
    def flow():
        yield from CONNECT
        try:
            yield from Wait(Future(), None)
        finally:
            yield from Now()

    driver = AsyncDriver()
    task = asyncio.create_task(aio.run(flow(), driver))
    await until(lambda: driver.open)
    task.cancel()
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        await task
    assert driver.open == []


def test_an_unknown_step_is_named_in_an_error_thrown_into_the_flow(shell):
    class Unknown(Step[None]):
        def __repr__(self):
            return "Unknown()"

    def flow():
        yield from Unknown()

    with pytest.raises(TypeError, match=r"no runner performs Unknown\(\)"):
        shell.run(flow(), shell.driver())


# Cancellation.


def closing(note, *steps):
    """Yield steps, a connect before them, and note that the flow was closed."""

    def flow():
        try:
            yield from CONNECT
            for step in steps:
                yield from step
        except GeneratorExit:
            note.append("closed")
            raise

    return flow()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_step_closes_the_flow_and_its_connection(interrupt):
    note = []
    driver = Driver(fetch=interrupt())
    with pytest.raises(interrupt):
        sync.run(closing(note, Fetch(None, "", None)), driver)
    assert note == ["closed"]
    assert driver.open == []


async def test_cancelling_a_task_closes_the_flow_and_its_connection():
    note = []
    driver = AsyncDriver()
    task = asyncio.create_task(aio.run(closing(note, Wait(Future(), None)), driver))
    await until(lambda: driver.open)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert note == ["closed"]
    assert driver.open == []


async def test_a_flow_cannot_swallow_a_cancellation():
    def flow():
        try:
            yield from Wait(Future(), None)
        except Exception:  # noqa: BLE001 - the point
            return "swallowed"

    task = asyncio.create_task(aio.run(flow(), AsyncDriver()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Flights.


def waits(flight, timeout):
    def flow():
        try:
            return (yield from Wait(flight, timeout))
        except TimeoutError:
            return "late"

    return flow()


def test_a_wait_gives_the_outcome(shell):
    flight = Future()
    flight.set_result(Landed())
    assert shell.run(waits(flight, 0), shell.driver()) == Landed()


def test_a_wait_that_is_over_leaves_the_flight_alone(shell):
    flight = Future()
    assert shell.run(waits(flight, 0), shell.driver()) == "late"
    assert not flight.cancelled()
    flight.set_result(Landed())


async def test_a_flight_that_another_thread_lands_wakes_a_task():
    flight = Future()
    task = asyncio.create_task(aio.run(waits(flight, None), AsyncDriver()))
    await asyncio.sleep(0)
    thread = threading.Thread(target=flight.set_result, args=(Landed(),))
    thread.start()
    assert await task == Landed()
    thread.join()


async def test_a_cancelled_wait_leaves_the_flight_to_others():
    flight = Future()
    tasks = [
        asyncio.create_task(aio.run(waits(flight, None), AsyncDriver()))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    flight.set_result(Landed())
    assert await tasks[1] == Landed()
    assert tasks[0].cancelled()


def test_a_flight_that_lands_after_the_loop_was_closed_disturbs_nobody(caplog):
    flight = Future()
    assert asyncio.run(aio.run(waits(flight, 0), AsyncDriver())) == "late"
    flight.set_result(Landed())  # Future logs what a callback raises
    assert caplog.records == []


# The background.


def test_start_does_not_wait_for_the_flow_it_starts(shell):
    landed = Future()

    def background():
        yield from Now()
        landed.set_result(Landed())

    def flow():
        yield from Start(background())
        return landed.done(), (yield from Wait(landed, 10))

    assert shell.run(flow(), shell.driver())[1] == Landed()


def test_a_background_thread_does_not_keep_the_program():
    seen = Future()

    def background():
        yield from Now()
        seen.set_result(threading.current_thread())

    def flow():
        yield from Start(background())

    sync.run(flow(), Driver())
    thread = seen.result(10)
    assert thread.daemon
    thread.join(10)


async def test_a_background_task_lives_without_a_reference():
    flight = Future()
    note = []

    def background():
        note.append((yield from Wait(flight, None)))

    def flow():
        yield from Start(background())

    await aio.run(flow(), AsyncDriver())
    [task] = [t for t in asyncio.all_tasks() if t.get_name() == "moorline-refresh"]
    task = weakref.ref(task)
    await asyncio.sleep(0)
    gc.collect()
    flight.set_result(Landed())
    await until(lambda: note)
    assert note == [Landed()]
    await until(lambda: not aio._background)
    gc.collect()
    assert task() is None


async def until(condition, turns=1000):
    """Let the loop turn until something is so."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never was")

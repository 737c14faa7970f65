"""Rows are sent while more are taken: the thread, with a server that is scripted."""

from __future__ import annotations

import threading
from queue import Queue
from typing import TYPE_CHECKING

import pytest

from moorline.questdb import Buffer
from moorline.questdb.courier import Courier
from moorline.questdb.outbox import Outbox
from moorline.questdb.settings import AutoFlush

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10


class Road:
    """Batches arrive when the test says so."""

    def __init__(self) -> None:
        self.begun: Queue[int] = Queue()
        self.answers: Queue[Exception | None] = Queue()
        self.arrived: list[bytes] = []

    def carry(self, batch) -> None:
        self.begun.put(batch.rows)
        answer = self.answers.get(timeout=PATIENCE)
        if answer is not None:
            raise answer
        self.arrived.append(bytes(batch.body))

    def let_pass(self, answer: Exception | None = None) -> None:
        self.answers.put(answer)


class Desk:
    """A sender without a server: rows come one at a time."""

    def __init__(self, rows: int | None = 2, seconds: float | None = None) -> None:
        self.road = Road()
        self.outbox = Outbox(AutoFlush(rows, seconds, None))
        self.outbox.buffer = Buffer()
        self.watch = self.outbox.watch()
        self.courier = Courier(self.outbox, self.road.carry, self.look)

    def look(self) -> None:
        self.watch = self.outbox.watch()

    def add(self, number: int) -> None:
        self.outbox.buffer.row("t", columns={"x": number}, at=None)
        if self.outbox.buffer.row_count >= self.watch.rows:
            self.courier.reached()

    def settle(self) -> None:
        """Wait until what was begun has come to an end."""
        self.road.begun.get(timeout=PATIENCE)
        self.courier.stop()

    def rows(self) -> bytes:
        return bytes(self.outbox.buffer)


def written(*numbers: int) -> bytes:
    return b"".join(b"t x=%di\n" % number for number in numbers)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.courier.stop()


def test_rows_are_taken_while_others_are_on_their_way(desk: Desk) -> None:
    desk.add(1)
    desk.add(2)
    assert desk.road.begun.get(timeout=PATIENCE) == 2
    desk.add(3)
    assert desk.rows() == written(3)
    assert len(desk.outbox) == len(written(1, 2, 3))
    desk.road.let_pass()
    desk.road.let_pass()
    desk.courier.flush()
    assert desk.road.arrived == [written(1, 2), written(3)]
    assert len(desk.outbox) == 0


def test_whoever_fills_a_second_batch_waits_for_the_first(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.add(number)
    assert desk.road.begun.get(timeout=PATIENCE) == 2
    added = threading.Event()

    def add() -> None:
        desk.add(4)
        added.set()

    thread = threading.Thread(target=add)
    thread.start()
    assert not added.wait(0.05)
    desk.road.let_pass()
    assert added.wait(PATIENCE)
    thread.join()
    assert desk.road.begun.get(timeout=PATIENCE) == 2
    desk.road.let_pass()
    desk.courier.flush()
    assert desk.road.arrived == [written(1, 2), written(3, 4)]


def test_a_failure_in_the_background_is_told_with_the_next_row(desk: Desk) -> None:
    desk.road.let_pass(LookupError("away"))
    desk.add(1)
    desk.add(2)
    desk.settle()  # by now it has failed
    assert desk.rows() == written(1, 2)
    with pytest.raises(LookupError, match="away") as error:
        desk.add(3)
    assert "the last one is kept too" in error.value.__notes__[0]
    assert desk.rows() == written(1, 2, 3)
    desk.road.let_pass()
    desk.courier.flush()
    assert desk.road.arrived == [written(1, 2, 3)]


def test_after_a_failure_as_many_rows_again_are_a_reason_to_try(desk: Desk) -> None:
    desk.road.let_pass(LookupError())
    desk.add(1)
    desk.add(2)
    desk.settle()
    with pytest.raises(LookupError):
        desk.add(3)
    desk.road.let_pass()
    desk.add(4)
    desk.settle()
    assert desk.road.arrived == [written(1, 2, 3, 4)]


def test_a_flush_that_fails_keeps_the_rows_in_their_order(desk: Desk) -> None:
    desk.add(1)
    desk.road.let_pass(LookupError())
    with pytest.raises(LookupError):
        desk.courier.flush()
    desk.add(2)
    assert desk.rows() == written(1, 2)
    desk.road.let_pass()
    desk.courier.flush()
    assert desk.road.arrived == [written(1, 2)]


def test_a_flush_that_is_interrupted_keeps_the_rows(desk: Desk) -> None:
    desk.add(1)
    desk.road.let_pass(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        desk.courier.flush()
    assert desk.rows() == written(1)


def test_a_flush_waits_for_what_is_under_way(desk: Desk) -> None:
    desk.add(1)
    desk.add(2)
    desk.road.begun.get(timeout=PATIENCE)
    desk.add(3)
    thread = threading.Thread(target=desk.courier.flush)
    thread.start()
    desk.road.let_pass()
    assert desk.road.begun.get(timeout=PATIENCE) == 1
    desk.road.let_pass()
    thread.join()
    assert desk.road.arrived == [written(1, 2), written(3)]


def test_rows_that_have_lain_for_long_enough_are_sent() -> None:
    desk = Desk(rows=None, seconds=0.02)
    for number in (1, 2, 3):  # again and again: the alarm is set anew
        desk.add(number)
        assert desk.road.begun.get(timeout=PATIENCE) == 1
        desk.road.let_pass()
    desk.courier.stop()
    assert desk.road.arrived == [written(1), written(2), written(3)]


def test_the_alarm_is_set_anew_after_it_found_nothing() -> None:
    desk = Desk(rows=None, seconds=0.02)
    desk.road.let_pass()
    desk.add(1)
    desk.courier.flush()
    disarmed = threading.Event()
    watch = desk.look

    def look() -> None:
        watch()
        if not desk.outbox.armed:
            disarmed.set()

    desk.courier._watch = look
    assert disarmed.wait(PATIENCE)
    desk.road.let_pass()
    desk.add(2)
    assert [desk.road.begun.get(timeout=PATIENCE) for _ in range(2)] == [1, 1]
    desk.courier.stop()


def test_a_row_after_the_end_begins_anew() -> None:
    desk = Desk(rows=None, seconds=0.02)
    for number in (1, 2):
        desk.road.let_pass()
        desk.add(number)
        assert desk.road.begun.get(timeout=PATIENCE) == 1
        desk.courier.stop()
    assert desk.road.arrived == [written(1), written(2)]


def test_the_alarm_tries_again_after_a_failure() -> None:
    desk = Desk(rows=None, seconds=0.02)
    desk.road.let_pass(LookupError())
    desk.road.let_pass()
    desk.add(1)
    assert [desk.road.begun.get(timeout=PATIENCE) for _ in range(2)] == [1, 1]
    desk.courier.stop()
    assert desk.road.arrived == [written(1)]


def test_without_auto_flush_there_is_no_thread() -> None:
    desk = Desk(rows=None)
    before = threading.active_count()
    desk.road.let_pass()
    for number in range(100):
        desk.add(number)
    desk.courier.flush()
    assert threading.active_count() == before


def test_an_abandoned_thread_delivers_the_rest_and_ends() -> None:
    desk = Desk(rows=1000, seconds=100)
    desk.add(1)
    thread = desk.courier._thread
    desk.road.let_pass()
    left = threading.Event()
    desk.courier.abandon(left.set)
    assert left.wait(PATIENCE)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert desk.road.arrived == [written(1)]


def test_many_threads_lose_nothing(desk: Desk) -> None:
    for _ in range(400):
        desk.road.let_pass()

    def work(first: int) -> None:
        for number in range(first, first + 50):
            desk.add(number)

    threads = [threading.Thread(target=work, args=(n * 50,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.courier.flush()
    found = b"".join(desk.road.arrived).splitlines()
    assert sorted(found) == sorted(b"t x=%di" % number for number in range(400))

"""What is due, and where rows are while they are on their way; no thread, no clock."""

from __future__ import annotations

import gc

import pytest

from moorline.questdb import Buffer
from moorline.questdb.outbox import NEVER, Outbox, Watch
from moorline.questdb.settings import AutoFlush

ROW = len(b"t x=1i\n")


@pytest.fixture
def outbox() -> Outbox:
    made = Outbox(AutoFlush(rows=3, seconds=1.0, bytes=None))
    made.buffer = Buffer()
    return made


def fill(outbox: Outbox, rows: int) -> None:
    assert outbox.buffer is not None
    for _ in range(rows):
        outbox.buffer.row("t", columns={"x": 1}, at=None)


def test_the_first_row_is_looked_at_if_it_sets_the_alarm(outbox: Outbox) -> None:
    assert outbox.watch() == Watch(1, 1)
    outbox.armed = True
    assert outbox.watch() == Watch(3, NEVER)


@pytest.mark.parametrize(
    ("auto_flush", "rows", "due"),
    [
        (AutoFlush(3, None, None), 2, False),
        (AutoFlush(3, None, None), 3, True),
        (AutoFlush(None, None, 2 * ROW), 1, False),
        (AutoFlush(None, None, 2 * ROW), 2, True),
        (AutoFlush(None, 1.0, None), 1000, False),
        (AutoFlush(None, None, None), 1000, False),
    ],
)
def test_rows_are_due_by_number_or_size(
    auto_flush: AutoFlush, rows: int, *, due: bool
) -> None:
    outbox = Outbox(auto_flush)
    assert not outbox.is_due()
    outbox.buffer = Buffer()
    fill(outbox, rows)
    assert outbox.is_due() is due


def test_what_is_under_way_counts_until_it_is_acknowledged(outbox: Outbox) -> None:
    assert outbox.seal() is None
    fill(outbox, 3)
    batch = outbox.seal()
    assert batch is not None
    assert (batch.rows, len(outbox), len(outbox.buffer)) == (3, 3 * ROW, 0)
    fill(outbox, 1)
    assert len(outbox) == 4 * ROW
    outbox.delivered()
    assert (len(outbox), outbox.under_way) == (ROW, None)


def test_what_failed_comes_back_in_front_and_is_no_reason_by_itself(
    outbox: Outbox,
) -> None:
    fill(outbox, 3)
    outbox.seal()
    outbox.buffer.row("later", columns={"x": 1}, at=None)
    outbox.kept()
    assert bytes(outbox.buffer) == b"t x=1i\n" * 3 + b"later x=1i\n"
    assert outbox.buffer.row_count == 4
    assert not outbox.is_due()
    fill(outbox, 2)
    assert not outbox.is_due()
    fill(outbox, 1)
    assert outbox.is_due()
    assert outbox.seal().rows == 7
    outbox.delivered()
    fill(outbox, 3)
    assert outbox.is_due()


def test_a_failure_is_told_at_the_next_row_and_once(outbox: Outbox) -> None:
    outbox.armed = True
    outbox.failure, outbox.refusal = errors = LookupError(), LookupError()
    assert outbox.watch() == Watch(1, 1)
    assert {outbox.tell(), outbox.tell()} == set(errors)
    assert outbox.tell() is None
    assert outbox.watch() == Watch(3, NEVER)


def test_rows_that_go_with_their_sender_are_warned_of(outbox: Outbox) -> None:
    outbox.warn_of_loss(outbox)
    fill(outbox, 1)
    with pytest.warns(ResourceWarning, match=f"{ROW} bytes of rows were not sent"):
        outbox.warn_of_loss(outbox)
    outbox.closed = True  # and it has been told why
    outbox.warn_of_loss(outbox)
    gc.collect()

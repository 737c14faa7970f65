"""What becomes of a frame that is added to a sender: the decisions, played."""

from __future__ import annotations

import pytest

from moorline.errors import BufferFull, IngestError, RowError
from moorline.questdb import Buffer, TimestampNanos
from moorline.questdb.frames.adding import Deliver, Keep, Look
from moorline.questdb.frames.slices import SAMPLE
from moorline.questdb.sending import Sending
from moorline.questdb.settings import settings_from_conf
from moorline.shell import sync

ROWS = 1000
FRAME = {"x": list(range(ROWS)), "ts": [TimestampNanos(n) for n in range(ROWS)]}
WHOLE = bytes(Buffer().dataframe(FRAME, table="t", at="ts"))


def lost():
    return IngestError("nobody is there")


class Play:
    """A sender whose servers are a script: what each delivery comes to."""

    def __init__(self, conf, *outcomes, buffer=None):
        self.sending = Sending(settings_from_conf(conf))
        self.buffer = Buffer() if buffer is None else buffer
        self.outcomes = list(outcomes)
        self.steps = []
        self.delivered = []
        self.stores = []
        self.begun = []

    def add(self, *frames):
        def read():
            for frame in frames:
                yield from self.buffer.chunks(frame, table="t", at="ts")

        sync.run(self.sending.add(read, self.buffer), perform=self.perform)

    def perform(self, step):
        self.steps.append(type(step))
        match step:
            case Deliver(batch):
                self.stores.append(batch.body)
                self.begun.append(batch.rows)
                said = b"".join(bytes(part) for part in batch.content.parts())
                if self.outcomes and (outcome := self.outcomes.pop(0)) is not None:
                    raise outcome
                self.delivered.append((said, batch.rows))
            case Keep(store, rows):
                self.buffer.restore(store, rows)


def play(conf="http::addr=h;auto_flush_rows=300;", *outcomes, **given):
    return Play(conf, *outcomes, **given)


def test_enough_rows_are_sent_with_those_that_follow():
    sender = play()
    sender.add(FRAME)
    assert sender.steps == [Deliver]
    assert sender.delivered == [(WHOLE, ROWS)]
    assert sender.buffer.row_count == 0


def test_sending_begins_before_there_are_enough():
    sender = play()
    sender.add(FRAME)
    assert SAMPLE <= sender.begun[0] < 300


@pytest.mark.parametrize("count", [1, 299])
def test_less_than_enough_lie_in_the_buffer(count):
    sender = play()
    sender.add({name: values[:count] for name, values in FRAME.items()})
    assert sender.steps == [Look]  # with others they may be enough
    assert sender.buffer.row_count == count


def test_auto_flush_bytes_is_how_long_a_request_is():
    size = len(WHOLE) * 9 // 20
    sender = play(f"http::addr=h;auto_flush_rows=100;auto_flush_bytes={size};")
    sender.add(FRAME)
    assert sender.steps == [Deliver, Deliver, Look]
    assert [size <= len(said) < size + 1000 for said, _ in sender.delivered] == [
        True
    ] * 2
    sent = b"".join(said for said, _ in sender.delivered)
    assert sent + bytes(sender.buffer) == WHOLE


def test_else_it_is_three_tenths_of_what_the_buffer_may_have():
    size = len(WHOLE) * 5 // 3
    sender = play(
        f"http::addr=h;auto_flush_rows=100;init_buf_size=1024;max_buf_size={size};"
    )
    sender.add(FRAME)
    assert sender.steps == [Deliver] * 2
    assert all(sender.begun)  # there are rows to speak of, if it fails
    assert size * 0.3 <= len(sender.delivered[0][0]) < size // 2
    assert b"".join(said for said, _ in sender.delivered) == WHOLE


@pytest.mark.parametrize(
    "conf",
    [
        "tcp::addr=h;auto_flush_rows=300;",
        "http::addr=h;auto_flush_rows=300;gzip=on;",
        "http::addr=h;auto_flush_rows=300;spool_dir=/nowhere;protocol_version=2;",
    ],
)
def test_what_is_no_plain_request_is_sent_from_the_buffer(conf):
    sender = play(conf)
    sender.add(FRAME)
    assert sender.steps == [Look] * 4
    assert bytes(sender.buffer) == WHOLE


@pytest.mark.parametrize("conf", ["auto_flush=off", "auto_flush_rows=off"])
def test_all_or_nothing_is_added_if_nothing_is_sent_for_being_enough(conf):
    sender = play(f"http::addr=h;{conf};")
    bad = {**FRAME, "ts": [*FRAME["ts"][:-1], TimestampNanos(-1)]}
    with pytest.raises(RowError):
        sender.add(FRAME, bad)
    assert (sender.steps, sender.buffer.row_count) == ([], 0)
    sender.add(FRAME, FRAME)
    assert sender.steps == [Look]  # the alarm, if there is one
    assert bytes(sender.buffer) == WHOLE + WHOLE


def test_a_failure_keeps_all_of_it_and_is_raised_at_the_end():
    sender = play("http::addr=h;auto_flush_rows=300;", None, lost())
    with pytest.raises(IngestError, match="nobody is there"):
        sender.add(FRAME, FRAME, FRAME)
    assert sender.steps == [Deliver, Deliver, Keep]
    assert sender.delivered == [(WHOLE, ROWS)]
    assert bytes(sender.buffer) == WHOLE * 2


def test_rows_in_front_of_one_that_cannot_be_written_are_told():
    sender = play()
    bad = {**FRAME, "ts": [*FRAME["ts"][:-1], TimestampNanos(-1)]}
    with pytest.raises(RowError) as raised:
        sender.add(FRAME, bad)
    assert raised.value.__notes__ == [f"{ROWS} rows of the frame were added"]
    assert sender.delivered == [(WHOLE, ROWS)]
    assert sender.buffer.row_count == 0  # its request was not finished


def test_no_room_after_a_failure_tells_both():
    room = Buffer(max_buf_size=len(WHOLE) + 100)
    sender = play("http::addr=h;auto_flush_rows=300;", lost(), buffer=room)
    with pytest.raises(BufferFull) as raised:
        sender.add(FRAME, FRAME)
    assert raised.value.__notes__ == [
        f"{ROWS} rows of the frame were added",
        "Rows before it could not be sent: nobody is there",
    ]
    assert bytes(sender.buffer) == WHOLE


def test_memory_is_used_again():
    sender = play()
    sender.add(FRAME, FRAME)
    assert sender.delivered == [(WHOLE, ROWS)] * 2
    first, second = sender.stores
    assert first is second is sender.buffer.lend()

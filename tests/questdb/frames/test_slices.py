"""Slices of frames: all rows, in order, whole; and read again from the beginning."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import RowError
from moorline.questdb import Buffer, TimestampNanos
from moorline.questdb.frames import slices as tested
from moorline.questdb.frames.slices import slices
from moorline.questdb.outbox import NEVER
from moorline.questdb.store import Store

FIRST = 1_700_000_000_000_000_000
ROWS = 1000
HOW = {"table": "t", "at": "ts"}


def frame(texts):
    return {
        "x": list(texts),
        "ts": [TimestampNanos(FIRST + number) for number in range(len(texts))],
    }


def chunks(obj):
    return Buffer().chunks(obj, **HOW)


def cut(obj, rows, size):
    for part in slices(chunks(obj), rows, size, Store):
        while part.is_short:
            part.write()
        yield part


def one(obj, rows=1, size=NEVER):
    return next(cut(obj, rows, size))


SHORT = frame(["a"] * ROWS)
WHOLE = bytes(Buffer().dataframe(SHORT, **HOW))


@pytest.mark.parametrize(
    ("rows", "size", "count"),
    [(300, NEVER, 4), (NEVER, len(WHOLE) // 5 + 1, 5), (1, 1, ROWS), (ROWS, NEVER, 1)],
)
def test_slices_are_the_frame(rows, size, count):
    parts = list(cut(SHORT, rows, size))
    assert b"".join(bytes(part.body) for part in parts) == WHOLE
    assert sum(part.rows for part in parts) == ROWS
    assert len(parts) == count


@given(
    texts=st.lists(st.integers(0, 3000).map("x".__mul__), min_size=1, max_size=60),
    rows=st.integers(1, 70),
    size=st.integers(1, 60_000),
)
def test_a_slice_has_what_is_enough(texts, rows, size):
    made = [(part, part.goes_on) for part in cut(frame(texts), rows, size)]
    bodies = [bytes(part.body) for part, _ in made]
    assert b"".join(bodies) == bytes(Buffer().dataframe(frame(texts), **HOW))
    for (part, goes_on), body in zip(made[:-1], bodies, strict=False):
        assert body.count(b"\n") == part.rows
        assert part.rows == rows or len(body) >= size
        assert goes_on is (len(body) < size)


def test_a_slice_knows_how_large_rows_were_before_it():
    """Else each would begin with a row, and grow from there."""
    steps = []
    for part in slices(chunks(SHORT), 300, NEVER, Store):
        steps.append(0)
        while part.is_short:
            part.write()
            steps[-1] += 1
    assert steps == [4, 1, 1, 1]


def test_rows_that_grow_do_not_go_far_beyond_what_is_enough():
    """The first rows say how large the others are, which is not to be relied on."""
    texts = ["a"] * 20 + ["x" * 10_000] * ROWS
    first = one(frame(texts), NEVER, 50_000)
    assert 50_000 <= len(first.body) < 50_000 + (20 + 20 * tested.GROWTH) * 10_100


def test_what_is_sent_is_what_is_there_and_then_the_rest(monkeypatch):
    monkeypatch.setattr(tested, "PIECE", len(WHOLE) // 10)
    part = one(SHORT, rows=300)
    assert part.rows == 300
    assert len(WHOLE) * 0.9 < part.size < len(WHOLE) * 1.1
    assert part.content is part
    sent = [bytes(piece) for piece in part.parts()]
    assert b"".join(sent) == WHOLE == bytes(part.body)
    assert len(sent[0]) == len(WHOLE) * 300 // ROWS
    assert len(sent) == 8
    assert (part.rows, part.goes_on, part.size) == (ROWS, False, len(WHOLE))


def test_it_is_sent_again_from_its_beginning(monkeypatch):
    monkeypatch.setattr(tested, "PIECE", len(WHOLE) // 10)
    part = one(SHORT, rows=300)
    for asked in (1, 3, 2):
        with closing(part.parts()) as parts:
            for _ in range(asked):
                next(parts)
    assert part.rows == 600  # each part but the first has 100, and none is lost
    assert b"".join(bytes(piece) for piece in part.parts()) == WHOLE
    part.body.clear()  # nobody looks at it any more


def test_the_rest_is_written_at_once_if_it_has_to_be():
    part = one(SHORT, rows=300)
    assert bytes(part.whole()) == WHOLE
    assert part.rows == ROWS


def test_the_next_slice_goes_on_where_one_was_left(monkeypatch):
    monkeypatch.setattr(tested, "PIECE", len(WHOLE) // 10)
    made = b""
    for part in cut(SHORT, 200, NEVER):
        with closing(part.parts()) as parts:
            next(parts)
            next(parts, None)
        made += bytes(part.body)
    assert made == WHOLE


def test_a_row_that_cannot_be_written_leaves_those_before_it(monkeypatch):
    monkeypatch.setattr(tested, "PIECE", len(WHOLE) // 10)
    bad = {**SHORT, "ts": [*SHORT["ts"][:-1], TimestampNanos(-1)]}
    part = one(bad, rows=300)
    with pytest.raises(RowError, match=f"row {ROWS - 1}: .*before 1970"):
        list(part.parts())
    assert bytes(part.body).count(b"\n") == part.rows < ROWS
    assert WHOLE.startswith(bytes(part.body))


def test_the_row_that_a_server_refuses_is_shown():
    part = one(SHORT, rows=ROWS)
    assert part.row(3) == f't x="a" {FIRST + 2}n'

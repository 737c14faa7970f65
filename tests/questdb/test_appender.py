"""Rows that are taken, given back, and adopted; nothing is lost or doubled."""

from __future__ import annotations

import pytest

from moorline.errors import BufferFull, RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.store import Store


def test_what_is_taken_and_given_back():
    buffer = Buffer().row("a", columns={"x": 1}, at=None)
    taken, rows = buffer.take()
    assert (bytes(taken), rows) == (b"a x=1i\n", 1)
    assert (bytes(buffer), buffer.row_count) == (b"", 0)
    buffer.row("b", columns={"x": 2}, at=None)
    buffer.restore(taken, rows)
    assert (bytes(buffer), buffer.row_count) == (b"a x=1i\nb x=2i\n", 2)
    buffer.recycle(buffer.take()[0])
    assert bytes(buffer.row("c", columns={"x": 3}, at=None)) == b"c x=3i\n"


def test_a_store_of_which_there_is_a_view_is_left_alone():
    buffer = Buffer().row("a", columns={"x": 1}, at=None)
    taken, rows = buffer.take()
    with memoryview(taken) as view:
        buffer.recycle(taken)  # which does nothing then
        buffer.row("b", columns={"x": 2}, at=None)
        assert bytes(view) == b"a x=1i\n"
        with pytest.raises(BufferError):
            buffer.restore(taken, rows)
        with pytest.raises(BufferError):
            buffer.adopt(taken, rows)
        assert (bytes(buffer), buffer.row_count) == (b"b x=2i\n", 1)
        buffer.clear()
        buffer.restore(taken, rows)
        with pytest.raises(BufferError):
            buffer.row("c", columns={"x": 3}, at=None)
        assert (bytes(buffer), buffer.row_count) == (b"a x=1i\n", 1)


def test_rows_that_were_written_elsewhere():
    buffer = Buffer(max_buf_size=1024)
    store = Store()
    for expected in (b"a\n", b"a\na\n"):
        store.extend(b"a\n")
        buffer.adopt(store, 1)
        assert (bytes(buffer), bytes(store)) == (expected, b"")
    assert buffer.row_count == 2
    store.extend(b"b" * 1021)
    with pytest.raises(BufferFull, match=r"there are 4 bytes .* these 1021 there"):
        buffer.adopt(store, 1)
    assert (len(store), len(buffer), buffer.row_count) == (1021, 4, 2)
    buffer.table("t")
    with pytest.raises(RowError, match="begun and not finished"):
        buffer.adopt(store, 1)


def test_a_buffer_beside_another():
    buffer = Buffer(3, 20, 2048, 4096, strict=True)
    buffer.row("a", columns={"x": 1}, at=None)
    other = buffer.beside()
    assert type(other) is Buffer
    assert (bytes(other), other.row_count) == (b"", 0)
    for name in (
        *("protocol_version", "max_name_len", "strict"),
        *("init_buf_size", "max_buf_size"),
    ):
        assert getattr(other, name) == getattr(buffer, name)


def test_what_was_kept_may_be_more_than_there_is_room_for():
    buffer = Buffer(max_buf_size=1024)
    buffer.row("a", columns={"x": "y" * 1000}, at=None)
    taken, rows = buffer.take()
    buffer.row("b", columns={"x": "y" * 1000}, at=None)
    buffer.restore(taken, rows)
    assert (len(buffer), buffer.row_count) == (2014, 2)
    with pytest.raises(BufferFull, match="there are 2014 bytes in the buffer"):
        buffer.row("c", columns={"x": 1}, at=None)
    buffer.clear()
    assert bytes(buffer.row("c", columns={"x": 1}, at=None)) == b"c x=1i\n"


def test_a_mark_before_which_rows_were_taken_is_of_no_use():
    buffer = Buffer().row("a", columns={"x": 1}, at=None)
    mark = buffer.mark()
    buffer.take()
    with pytest.raises(RowError, match="the mark is at byte 7, and there are 0"):
        buffer.rewind(mark)
    assert buffer.row_count == 0


def test_memory_is_used_again():
    buffer = Buffer()
    for number in range(100):
        for _ in range(10):
            buffer.row("t", columns={"x": number}, at=None)
        store, rows = buffer.take()
        assert bytes(store) == b"t x=%di\n" % number * 10
        assert rows == 10
        buffer.recycle(store)

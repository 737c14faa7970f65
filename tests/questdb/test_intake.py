"""The front of a sender: rows of many threads, whole, counted and told."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.intake import Intake
from moorline.questdb.timestamps import TimestampNanos
from tests.questdb.ilp import read

ROW = b"t x=1i\n"


class Front(Intake):
    """Opens a buffer, and notes what it is told."""

    def __init__(self, rows=None, size=None, **options):
        super().__init__()
        self.options = options
        self.opened = 0
        self.told = []
        if rows is not None:
            self._enough_rows = rows
        if size is not None:
            self._enough_bytes = size

    def _open(self):
        self.opened += 1
        self._buffer = Buffer(**self.options)
        return self._buffer

    def _reached(self):
        self.told.append((self._buffer.row_count, len(self._buffer)))


def by_row(front):
    assert front.row("t", columns={"x": 1}, at=None) is front


def by_rows(front):
    assert front.rows("t", [(1,)], {"x": "i64"}) is front


def by_calls(front):
    assert front.table("t").column("x", 1).at_now() is None


def by_hand(front):
    front.append(bytearray(ROW))


WAYS = [by_row, by_rows, by_calls, by_hand]


@pytest.mark.parametrize("write", WAYS)
def test_the_buffer_is_opened_with_the_first_row(write):
    front = Front()
    assert front._buffer is None
    write(front)
    write(front)
    assert front.opened == 1
    assert bytes(front._buffer) == ROW * 2
    assert front.told == []


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("enough", [{"rows": 2}, {"size": 2 * len(ROW)}])
def test_it_is_told_from_when_on_there_is_enough(write, enough):
    front = Front(**enough)
    for _ in range(3):
        write(front)
    assert front.told == [(2, 2 * len(ROW)), (3, 3 * len(ROW))]
    front._buffer.take()
    write(front)
    assert len(front.told) == 2


@pytest.mark.parametrize("write", WAYS)
def test_a_row_stays_when_the_telling_fails(write):
    class Failing(Front):
        def _reached(self):
            raise OSError("the server is gone")

    front = Failing(rows=1)
    for count in (1, 2):
        with pytest.raises(OSError, match="gone"):
            write(front)
        assert bytes(front._buffer) == ROW * count
        assert front._buffer.row_count == count


@pytest.mark.parametrize("write", WAYS)
def test_an_error_of_opening_goes_to_the_caller(write):
    class Closed(Front):
        def _open(self):
            raise OSError("no server")

    with pytest.raises(OSError, match="no server"):
        write(Closed())


def test_a_row_that_is_refused_is_not_told():
    front = Front(rows=1)
    with pytest.raises(RowError, match=r"^table 't', column 'x': "):
        front.row("t", columns={"x": b""}, at=None)
    with pytest.raises(RowError, match="row 0"):
        front.rows("t", [("x",)], {"x": "i64"})
    with pytest.raises(RowError, match=r"^table 't', column 'x': "):
        front.table("t").column("x", b"")
    with pytest.raises(RowError, match="before 1970"):
        front.table("t").column("x", 1).at(TimestampNanos(-1))
    assert front.told == []
    assert len(front._buffer) == 0


def test_rows_begun_side_by_side_do_not_mix():
    front = Front()
    one, other = front.table("a"), front.table("b")
    one.column("x", 1)
    other.symbol("s", "y")
    front.row("c", columns={"x": 1}, at=None)
    one.column("y", 2).at_now()
    other.at_now()
    assert bytes(front._buffer) == b"c x=1i\na x=1i,y=2i\nb,s=y\n"
    with pytest.raises(RowError, match="without a row"):
        one.at_now()


class Slow:
    """A value whose writer lets other threads run in the middle of a row."""

    def __init__(self, number):
        self.number = number

    @property
    def __class__(self):
        threading.Event().wait(0)
        return int


def write_many(front, thread, count):
    """Write rows in all ways, some of which are refused."""
    table = f"t{thread}"
    for number in range(count):
        columns = {"thread": thread, "number": number, "text": "x" * thread}
        match number % 4:
            case 0:
                front.row(table, columns=columns, at=None)
            case 1:
                # A foreign value in the middle: Python runs before the end.
                columns = {"thread": thread, "list": [1.5] * thread, **columns}
                front.row(table, columns=columns, at=None)
            case 2:
                row = front.table(table)
                for name, value in columns.items():
                    row.column(name, value)
                row.at_now()
            case _:
                rows = (tuple(columns.values()) for _ in range(1))
                front.rows(table, rows, dict.fromkeys(columns, "any"))
        if number % 7 == 0:
            with pytest.raises(RowError):
                front.row(table, columns={"y": 1, "x": Slow(1)}, at=None)


def take_all(front, done, taken):
    """Take what there is, over and over, and give back every other time."""
    while not done.is_set():
        store, rows = front._buffer.take()
        if rows % 2:
            front._buffer.restore(store, rows)
        else:
            taken.append((bytes(store), rows))
            front._buffer.recycle(store)


def test_threads_do_not_mix_their_rows():
    writers, count = 4, 300
    front = Front(rows=50)
    front.row("warm", columns={"thread": 0}, at=None)
    taken = []
    done = threading.Event()
    with ThreadPoolExecutor(writers + 1) as pool:
        taking = pool.submit(take_all, front, done, taken)
        writing = [pool.submit(write_many, front, n, count) for n in range(writers)]
        wait(writing)
        done.set()
    for future in (*writing, taking):
        future.result()
    taken.append(front._buffer.take())
    found = Counter()
    for store, rows in taken:
        read_back = read(bytes(store), 2)
        assert len(read_back) == rows
        for row in read_back:
            found[row.table, *written(row)] += row.table != "warm"
    del found["warm", 0, None, None]
    assert found == {
        (f"t{thread}", thread, number, "x" * thread): 1
        for thread in range(writers)
        for number in range(count)
    }


def written(row):
    values = {name: value for name, (_, value) in row.columns}
    return values["thread"], values.get("number"), values.get("text")

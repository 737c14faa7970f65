"""Rows of a chunk: all of them or none, and errors that say where."""

from __future__ import annotations

import pytest

from moorline.errors import BufferFull, RowError
from moorline.questdb import frames
from moorline.questdb.buffer import Buffer
from moorline.questdb.encoding import Encoding
from moorline.questdb.store import Store
from tests.questdb.frames.writing import both, encode, written


@pytest.mark.parametrize("step", [1, 2, 3, None])
def test_any_rows_of_a_chunk_can_be_written(step):
    frame = {"x": [1, 2, 3, 4, 5], "s": ["a", "b", "c", "d", "e"]}
    expected = b"".join(b't x=%di,s="%c"\n' % (at, 96 + at) for at in range(1, 6))
    assert written(frame, step=step) == expected


def test_an_error_says_the_row_of_the_frame():
    (chunk,) = frames.read(Encoding(), {"x": [1, 2, 3, b"x"]}, table="t")
    with pytest.raises(RowError, match="table 't', column 'x': row 3: b'x' is of type"):
        chunk.encode(2, 4, Store())


def test_rows_are_numbered_through_all_chunks():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table({"x": [1, 2, 3, None]})
    found = both(lambda: table.to_reader(max_chunksize=2))
    assert found.startswith("RowError: table 't': row 3: a row needs")


def test_of_two_errors_the_first_row_s_is_told():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    bad = pa.array([b"a", b"b", b"\xff"], pa.binary()).view(pa.string())
    table = pa.table({"s": bad, "u": pa.array([1, 2**64 - 1, 3], pa.uint64())})
    assert "column 'u': row 1: 18446744073709551615" in both(lambda: table)


def test_a_buffer_takes_all_rows_or_none():
    buffer = Buffer().row("t", columns={"before": 1}, at=None)
    kept = bytes(buffer)
    with pytest.raises(RowError, match="row 1"):
        buffer.dataframe({"x": [1, None]}, table="t", at=None)
    small = Buffer(max_buf_size=1024)
    with pytest.raises(BufferFull):
        small.dataframe({"x": range(1000)}, table="t", at=None)
    assert (len(small), small.row_count) == (0, 0)
    assert (bytes(buffer), buffer.row_count) == (kept, 1)
    buffer.dataframe({"x": [1, 2]}, table="t", at=None)
    assert (bytes(buffer), buffer.row_count) == (kept + b"t x=1i\nt x=2i\n", 3)


def test_everything_the_schema_tells_is_checked_before_the_first_chunk():
    taken = []

    def rows():
        for at in range(3):
            taken.append(at)
            yield {"a.b": at}

    with pytest.raises(RowError, match="must not contain"):
        next(frames.read(Encoding(), rows(), table="t"))
    assert encode("python", dict, table="t") == b""
    # Nothing of the rest was asked for, but what makes the first chunk.
    assert taken == [0, 1, 2]


def test_warnings_for_moments_without_a_timezone_are_those_of_rows():
    from datetime import datetime  # noqa: PLC0415

    naive = datetime(2020, 1, 1)  # noqa: DTZ001 - that is the point
    with pytest.warns(UserWarning, match="without a timezone is taken as UTC"):
        both(lambda: {"x": [naive]})
    found = both(lambda: {"x": [naive]}, strict=True)
    assert "has no timezone, and strict=True" in found

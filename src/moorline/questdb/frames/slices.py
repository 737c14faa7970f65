"""Cutting frames into batches whose rows are written while they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.net.http import Stream
from moorline.questdb.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from moorline.questdb.frames.chunk import Chunk
    from moorline.questdb.store import Store

__all__ = ["Slice", "slices"]

# Bytes that are written at once: a server reads them for longer than the next take.
PIECE = 512 * 1024
# So many times the rows that were written before are written at most, since they are
# what says how large the others may be.
GROWTH = 16
# Rows that are enough to say it.
SAMPLE = 256
# Bytes beyond those that are expected, lest there be too little room in the end.
SPARE = 1024 * 1024


class Measure:
    """How large the rows of a chunk are, going by those that are written."""

    __slots__ = ("_rows", "_size")

    def __init__(self) -> None:
        self._rows = 0
        self._size = 0

    def add(self, rows: int, size: int) -> None:
        """Take in rows that were written, and how many bytes they are."""
        self._rows += rows
        self._size += size

    @property
    def is_known(self) -> bool:
        """Whether there were enough to say it."""
        return self._rows >= SAMPLE

    def size_of(self, rows: int) -> int:
        """Return about how many bytes rows will have; 0 if nothing is known."""
        return rows * self._size // self._rows if self._rows else 0

    def rows_in(self, size: int) -> int:
        """Return about how many rows fit into so many bytes; one at the least."""
        if not self._rows:
            return 1
        return max(1, min(size * self._rows // self._size, self._rows * GROWTH))


class Slice(Batch, Stream):
    """Rows of a chunk, of which there are more the longer it is sent.

    Args:
        chunk: Where they are from.
        start: The first of them.
        enough: How many rows are enough to send them.
        size: How many bytes are enough: no others are written then.
        store: Where they are written to; it is empty.
        measure: How large rows of the chunk are.

    Attributes:
        body: What is written.
        rows: How many rows that is.
    """

    __slots__ = ("_chunk", "_enough", "_measure", "_size", "_start")

    body: Store

    def __init__(  # noqa: PLR0917 - `slices` alone calls it
        self,
        chunk: Chunk,
        start: int,
        enough: int,
        size: int,
        store: Store,
        measure: Measure,
    ) -> None:
        super().__init__(store, 0)
        self._chunk = chunk
        self._start = start
        self._enough = enough
        self._size = size
        self._measure = measure

    @property
    def goes_on(self) -> bool:
        """Whether there are rows that are not written yet, and room for them."""
        return self._left > 0 and len(self.body) < self._size

    @property
    def size(self) -> int:
        """About how many bytes there will be, going by those that there are."""
        size = len(self.body)
        return max(size, min(size + self._measure.size_of(self._left), self._size))

    @property
    def content(self) -> Stream:
        """What is sent."""
        return self

    @property
    def is_short(self) -> bool:
        """Whether it goes on, and has less than enough rows."""
        return self.goes_on and self.rows < self._enough

    @property
    def will_do(self) -> bool:
        """Whether it is begun, will have enough rows, and it is known how large."""
        known = self.rows > 0 and self._measure.is_known
        return known and self.rows + self._left >= self._enough

    def write(self) -> None:
        """Write some rows more: not more than enough, and what takes little time.

        Raises:
            RowError: One of them cannot be written; none is.
        """
        self._write(self._enough - self.rows)

    def whole(self) -> Store:
        """Write what is left, and return all of it.

        Raises:
            RowError: A row cannot be written.
        """
        for _ in self.parts():
            pass
        return self.body

    def parts(self) -> Generator[memoryview]:
        """Yield what is written, and then the rest, each part when it is.

        Raises:
            RowError: A row cannot be written.
        """
        self.body.expect(self.size - len(self.body) + SPARE)
        sent = 0
        while True:
            # Nothing can be written as long as somebody looks at what is there.
            with memoryview(self.body) as written, written[sent:] as part:
                sent = len(written)
                yield part
            if not self.goes_on:
                return
            self._write(self._left)

    @property
    def _left(self) -> int:
        return self._chunk.rows - self._start - self.rows

    def _write(self, rows: int) -> None:
        """Write some more rows: so many at most, and one at the least."""
        size = len(self.body)
        most = min(rows, self._measure.rows_in(min(PIECE, self._size - size)))
        first = self._start + self.rows
        stop = min(first + most, self._chunk.rows)
        self._chunk.encode(first, stop, self.body)
        self.rows += stop - first
        self._measure.add(stop - first, len(self.body) - size)


def slices(
    chunks: Iterator[Chunk], rows: int, size: int, lend: Callable[[], Store]
) -> Iterator[Slice]:
    """Cut chunks into slices, which are to be written.

    Each goes on where the one before was left, which has a row at the least.

    Args:
        chunks: What to cut.
        rows: How many rows are enough to send a slice.
        size: How many bytes are enough for one.
        lend: Gives what to write to.
    """
    for chunk in chunks:
        start, measure = 0, Measure()
        while start < chunk.rows:
            part = Slice(chunk, start, rows, size, lend(), measure)
            yield part
            start += part.rows

"""Cutting frames into batches that a sender can send while the next is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.questdb.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.questdb.frames.chunk import Chunk

__all__ = ["Slice", "slices"]

SAMPLE = 256  # rows that say how large the others are


class Slice(NamedTuple):
    """Some rows of a chunk."""

    chunk: Chunk
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.stop - self.start

    def encode(self, into: Store) -> None:
        """Append them, all or none; see `Chunk.encode`."""
        self.chunk.encode(self.start, self.stop, into)


def slices(chunks: Iterator[Chunk], rows: int, size: int) -> Iterator[Slice]:
    """Cut chunks into slices.

    Args:
        chunks: What to cut.
        rows: How many rows a slice may have.
        size: How many bytes it should have at most, going by its chunk's first rows.

    Raises:
        RowError: One of the first rows of a chunk cannot be written.
    """
    for chunk in chunks:
        most = rows
        if chunk.rows > SAMPLE:
            sample = Store()
            chunk.encode(0, SAMPLE, sample)
            most = max(1, min(rows, size * SAMPLE // len(sample)))
        for start in range(0, chunk.rows, most):
            yield Slice(chunk, start, min(start + most, chunk.rows))

"""The front of a blocking sender: where rows come in, until they are enough."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from moorline.questdb.impl import twin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At, Row
    from moorline.questdb.schema import ColumnKind

__all__ = ["Intake"]


@twin
class Intake:
    """Takes rows from many threads into one buffer.

    A row is in the buffer whole or not at all. A subclass opens the buffer, and says
    what becomes of rows that are enough.

    Attributes:
        _buffer: Where rows go; `None` until `_open` is called.
        _enough_rows: How many rows are enough.
        _enough_bytes: How many bytes are.
    """

    _buffer: Buffer | None

    def __init__(self) -> None:
        self._buffer = None
        self._enough_rows = sys.maxsize
        self._enough_bytes = sys.maxsize

    def row(
        self,
        table: str,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Add a row; see `Buffer.row`. It is sent when enough have come together."""
        buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        buffer.row(table, symbols=symbols, columns=columns, at=at)
        if buffer.row_count >= self._enough_rows or len(buffer) >= self._enough_bytes:
            self._reached()
        return self

    def rows(
        self,
        table: str,
        rows: Iterable[Sequence[object]],
        schema: Mapping[str, ColumnKind],
    ) -> Self:
        """Add many rows; see `Buffer.rows`."""
        buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        buffer.rows(table, rows, schema)
        self._look(buffer)
        return self

    def table(self, name: str) -> Row[None]:
        """Begin a row; it is in the buffer when `Row.at` or `Row.at_now` ends it.

        Each thread may have its own.

        Raises:
            RowError: The name is not allowed.
        """
        buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        return buffer.begin(name, self.append)

    def append(self, row: bytearray) -> None:
        """Add a row that is finished; see `Buffer.append`."""
        buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        buffer.append(row)
        self._look(buffer)

    def _look(self, buffer: Buffer) -> None:
        """Have the rows sent if they are enough."""
        if buffer.row_count >= self._enough_rows or len(buffer) >= self._enough_bytes:
            self._reached()

    def _open(self) -> Buffer:
        """Make the buffer, which is needed now; called by any thread."""
        raise NotImplementedError

    def _reached(self) -> None:
        """Do what is done when there is enough; the rows stay, even if this raises."""
        raise NotImplementedError

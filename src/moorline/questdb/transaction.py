"""Rows of one table that a server stores all or not at all.

A server makes one transaction of what one request brings for a table. Facts: QuestDB's
documentation, "ILP transactions": a row with a column that the table lacks commits what
came before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from moorline.questdb.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At
    from moorline.questdb.frames.layout import ColumnRef, Symbols
    from moorline.questdb.schema import ColumnKind

__all__ = ["AsyncTransaction", "Transaction"]


class _Rows:
    """The rows of a transaction, before it is committed.

    Args:
        buffer: The sender's, which says how rows are written.
        table: The table's name.

    Attributes:
        buffer: The rows. They are there until they are acknowledged.
        table: The table's name.
    """

    def __init__(self, buffer: Buffer, table: str) -> None:
        self.buffer = buffer.beside()
        self.table = table

    def row(
        self,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Add a row; see `Buffer.row`."""
        self.buffer.row(self.table, symbols=symbols, columns=columns, at=at)
        return self

    def rows(
        self, rows: Iterable[Sequence[object]], schema: Mapping[str, ColumnKind]
    ) -> Self:
        """Add many rows; see `Buffer.rows`."""
        self.buffer.rows(self.table, rows, schema)
        return self

    def dataframe(
        self,
        obj: object,
        *,
        symbols: Symbols = "auto",
        at: At | ColumnRef,
    ) -> Self:
        """Add the rows of a frame; see `Buffer.dataframe`."""
        self.buffer.dataframe(obj, table=self.table, symbols=symbols, at=at)
        return self

    def rollback(self) -> None:
        """Drop the rows; none of them was sent."""
        self.buffer.clear()

    def _batch(self) -> Batch | None:
        """Return what to send; `None`: nothing."""
        rows = self.buffer.row_count
        return Batch(bytes(self.buffer), rows) if rows else None


class Transaction(_Rows):
    """Rows that are sent together when the block is left without an error.

    Args:
        buffer: The sender's, which says how rows are written.
        table: The table's name.
        send: Delivers a batch, behind the rows of the sender.
    """

    def __init__(
        self, buffer: Buffer, table: str, send: Callable[[Batch], None]
    ) -> None:
        super().__init__(buffer, table)
        self._send = send

    def commit(self) -> None:
        """Send the rows, and wait until they are acknowledged.

        Raises:
            IngestError: They were not; they are all here, and may be sent again.
            TlsError: The server could not be verified; the same.
        """
        batch = self._batch()
        if batch is not None:
            self._send(batch)
            self.buffer.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.commit()
        else:
            self.rollback()


class AsyncTransaction(_Rows):
    """The same for asyncio: rows are added without waiting, and sent with it.

    Args:
        buffer: The sender's, which says how rows are written.
        table: The table's name.
        send: Delivers a batch, behind the rows of the sender.
    """

    def __init__(
        self, buffer: Buffer, table: str, send: Callable[[Batch], Awaitable[None]]
    ) -> None:
        super().__init__(buffer, table)
        self._send = send

    async def commit(self) -> None:
        """Send the rows, and wait until they are acknowledged; see `Transaction`."""
        batch = self._batch()
        if batch is not None:
            await self._send(batch)
            self.buffer.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.commit()
        else:
            self.rollback()

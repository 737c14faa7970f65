"""A row that is begun and not yet finished: what may follow what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self

from moorline.errors import RowError
from moorline.questdb.rows import (
    SPACE,
    append_field,
    placed,
    refuse_nothing,
    refuse_twin,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.questdb.encoding import ByType, Encoding

__all__ = ["PendingRow", "refuse_no_row", "refuse_unfinished"]


class PendingRow:
    """A row in the making: a table, then symbols, then columns, then a timestamp.

    Args:
        encoding: Of the buffer.
        table: The table's name.

    Raises:
        RowError: The name is not allowed.
    """

    __slots__ = ("_columns_at", "_encoding", "_names", "_out", "table")

    def __init__(self, encoding: Encoding, table: str) -> None:
        self._encoding = encoding
        self.table = table
        try:
            self._out = bytearray(encoding.tables[table])
        except RowError as error:
            raise placed(error, table) from None
        self._columns_at = 0  # as long as there is no column
        # As given, by what the server tells them apart by, if that is of interest.
        self._names: dict[str, str] = {}

    @classmethod
    def resumed(
        cls,
        encoding: Encoding,
        table: str,
        out: bytearray,
        columns_at: int,
        names: Sequence[str],
    ) -> Self:
        """Return a row that was begun elsewhere, and not with ``strict=True``.

        Args:
            encoding: Of the buffer.
            table: The table's name.
            out: What is written of it.
            columns_at: Where its columns begin; 0 as long as there are none.
            names: Of its symbols and columns.
        """
        row = cls(encoding, table)
        row._out = out
        row._columns_at = columns_at
        row._names = {name: name for name in names}
        return row

    def add_symbol(self, name: str, value: object) -> None:
        """Add a symbol; an absent one is left out.

        Raises:
            RowError: It cannot be written, or it is behind a column.
        """
        if self._columns_at:
            error = RowError("a symbol behind a column: symbols come first")
            raise placed(error, self.table, name)
        self._add(self._encoding.symbols, name, value)

    def add_column(
        self, writers: ByType[bytes | None], name: str, value: object
    ) -> None:
        """Add a column; an absent one is left out.

        Raises:
            RowError: It cannot be written.
        """
        behind_symbols = len(self._out)
        self._add(writers, name, value)
        if not self._columns_at and len(self._out) > behind_symbols:
            self._columns_at = behind_symbols

    def finish(self, timestamp: object) -> bytearray:
        """Return the row with its designated timestamp.

        Raises:
            RowError: It is empty, or the server takes no such timestamp.
        """
        try:
            if not self._names:
                refuse_nothing()
            if self._columns_at:
                self._out[self._columns_at] = SPACE
            self._out += self._encoding.ends[type(timestamp)](timestamp)
        except RowError as error:
            raise placed(error, self.table) from None
        return self._out

    def _add(self, writers: ByType[bytes | None], name: str, value: object) -> None:
        try:
            if append_field(self._out, self._encoding, writers, name, value):
                known = name.lower() if self._encoding.strict else name
                if known in self._names:
                    refuse_twin(name, self._names[known])
                self._names[known] = name
        except RowError as error:
            raise placed(error, self.table, name) from None


def refuse_no_row(what: str) -> NoReturn:
    """Refuse a call that needs a row when none is begun."""
    raise RowError(
        f"{what} without a row: begin one with table(); a row is dropped when one of "
        "its parts is refused"
    )


def refuse_unfinished(table: str) -> NoReturn:
    """Refuse to go on while a row is begun and not finished."""
    raise RowError(
        f"table {table!r}: a row is begun and not finished: end it with at() or "
        "at_now(), or drop it with cancel_row()"
    )

"""Building a row step by step: the methods that a buffer and a sender's rows share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeAlias, TypeVar

from moorline.questdb.impl import twin
from moorline.questdb.pending import PendingRow, refuse_no_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime
    from decimal import Decimal

    from moorline.questdb.encoding import ByType, Encoding
    from moorline.questdb.moments import DateTime64
    from moorline.questdb.timestamps import ServerTimestampType, Timestamp

    Moment: TypeAlias = Timestamp | datetime | date | DateTime64
    At: TypeAlias = Moment | ServerTimestampType | None

__all__ = ["Fluent", "Row"]

T = TypeVar("T")


class Fluent:
    """Adds symbols and columns to the row that is begun."""

    __slots__ = ("_encoding", "_pending")

    _encoding: Encoding
    _pending: PendingRow | None

    def symbol(self, name: str, value: object) -> Self:
        """Add a symbol: a text that repeats; `None` is left out.

        Raises:
            RowError: It cannot be written, or it is behind a column.
        """
        row = self.begun("symbol()")
        row.add_symbol(name, value)
        self._pending = row
        return self

    def column(self, name: str, value: object) -> Self:
        """Add a column of any of the types that `row` takes; `None` is left out.

        Raises:
            RowError: It cannot be written.
        """
        return self._column(self._encoding.columns, name, value)

    def column_bool(self, name: str, value: bool | None) -> Self:  # noqa: FBT001 - a value
        """Add a column that is a truth value, or refuse what is none."""
        return self._column(self._encoding.of_kind["bool"], name, value)

    def column_i64(self, name: str, value: int | None) -> Self:
        """Add a column that is a whole number of 64 bits, or refuse what is none."""
        return self._column(self._encoding.of_kind["i64"], name, value)

    def column_f64(self, name: str, value: float | None) -> Self:
        """Add a column that is a double; a whole number is taken if it is one."""
        return self._column(self._encoding.of_kind["f64"], name, value)

    def column_str(self, name: str, value: str | None) -> Self:
        """Add a column that is a text, or refuse what is none."""
        return self._column(self._encoding.of_kind["str"], name, value)

    def column_ts(self, name: str, value: Moment | None) -> Self:
        """Add a column that is a timestamp, or refuse what is none."""
        return self._column(self._encoding.of_kind["ts"], name, value)

    def column_dec(self, name: str, value: Decimal | None) -> Self:
        """Add a column that is a decimal; the server does not create such columns."""
        return self._column(self._encoding.of_kind["dec"], name, value)

    def column_arr(self, name: str, value: object) -> Self:
        """Add a column that is an array of doubles, or refuse what is none."""
        return self._column(self._encoding.of_kind["arr"], name, value)

    def _column(self, writers: ByType[bytes | None], name: str, value: object) -> Self:
        row = self.begun("column()")
        row.add_column(writers, name, value)
        self._pending = row
        return self

    def begun(self, what: str) -> PendingRow:
        """Take the row that was begun; whoever succeeds puts it back."""
        row, self._pending = self._pending, None
        if row is None:
            refuse_no_row(what)
        return row


@twin
class Row(Fluent, Generic[T]):
    """A row in the making, beside others; see `Sender.table`.

    Args:
        encoding: Of the buffer that it is for.
        table: The table's name.
        then: What becomes of it when it is finished.

    Raises:
        RowError: The name is not allowed.
    """

    __slots__ = ("_then",)

    def __init__(
        self, encoding: Encoding, table: str, then: Callable[[bytearray], T]
    ) -> None:
        self._encoding = encoding
        self._pending = PendingRow(encoding, table)
        self._then = then

    def at(self, timestamp: At) -> T:
        """Finish the row with its designated timestamp.

        Raises:
            RowError: It is empty, or the server takes no such timestamp.
            BufferFull: There is no room for it.
        """
        return self._then(self.begun("at()").finish(timestamp))

    def at_now(self) -> T:
        """Finish the row; the server's clock gives it its designated timestamp."""
        return self.at(None)

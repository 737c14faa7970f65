"""Appending rows to a store: what of a buffer runs for each row, and is compiled."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TypeVar

from moorline.questdb.fluent import Fluent, Row
from moorline.questdb.impl import ask, twin
from moorline.questdb.pending import PendingRow, refuse_no_row, refuse_unfinished
from moorline.questdb.rows import append_rows, refuse_full, row_of
from moorline.questdb.schema import Plan
from moorline.questdb.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from moorline.questdb.encoding import Encoding
    from moorline.questdb.fluent import At
    from moorline.questdb.schema import ColumnKind

__all__ = ["Appender"]

T = TypeVar("T")


@twin
class Appender(Fluent):
    """Rows that threads append: each is written on its own, and then added at once.

    Args:
        encoding: How rows are written.
        init_buf_size: How many bytes to expect.
        max_buf_size: How many bytes there may be.

    Attributes:
        row_count: How many rows there are.
    """

    __slots__ = (
        "_spare",
        "_store",
        "_turn",
        "init_buf_size",
        "max_buf_size",
        "row_count",
    )

    def __init__(
        self, encoding: Encoding, init_buf_size: int, max_buf_size: int
    ) -> None:
        self._encoding = encoding
        self._pending = None
        self.init_buf_size = init_buf_size
        self.max_buf_size = max_buf_size
        self._store = Store()
        self._spare: Store | None = None
        # Reentrant, for the handlers of signals.
        self._turn = threading.RLock()
        self.row_count = 0

    def __len__(self) -> int:
        """Return how many bytes the finished rows have."""
        return len(self._store)

    def __bytes__(self) -> bytes:
        """Return the finished rows."""
        return bytes(self._store)

    def row(
        self,
        table: str,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Append a row.

        Args:
            table: The table's name.
            symbols: Texts by name; `None` and pandas's NA are left out.
            columns: Values by name: bool, int, float, str, Decimal, datetime, date,
                `TimestampMicros`, `TimestampNanos`, nested lists, ``array.array`` and
                NumPy arrays of numbers, and the scalars of NumPy and pandas. `None`,
                NaT and NA are left out. A date is the beginning of its day in UTC.
            at: The designated timestamp; `None` for the server's clock. A datetime has
                microseconds, pandas's and NumPy's what their unit is.

        Raises:
            RowError: Something of it cannot be written; nothing was.
            BufferFull: There is no room for it.
        """
        if self._pending is not None:
            self.check_finished()
        # As in `append`, whose call would cost some hundredths of the time.
        written = row_of(self._encoding, table, symbols, columns, at)
        with self._turn:
            store = self._store
            store += written
            if len(store) > self.max_buf_size:
                store.truncate(len(store) - len(written))
                refuse_full(len(store), len(written), self.max_buf_size)
            self.row_count += 1
        return self

    def rows(
        self,
        table: str,
        rows: Iterable[Sequence[object]],
        schema: Mapping[str, ColumnKind],
    ) -> Self:
        """Append many rows, all of them or none.

        ::

            schema = {"symbol": "symbol", "price": "f64", "ts": "at_ns"}
            buffer.rows("trades", [("BTC-USDT", 37779.62, 1700000000000000000)], schema)

        Args:
            table: The table's name.
            rows: A tuple of values for each.
            schema: What the values are, by column and in their order: ``symbol``,
                ``bool``, ``i64``, ``f64``, ``str``, ``dec``, ``arr``, or ``any`` for
                what their type says; ``ts`` for moments, ``ts_us`` and ``ts_ns`` for
                whole numbers of micro- and nanoseconds as well; ``at``, ``at_us`` and
                ``at_ns`` the same for the designated timestamp, whose name is not
                written. Without one it is the server's clock.

        Raises:
            RowError: The schema makes no sense, or one of the rows cannot be written.
            BufferFull: There is no room for them.
        """
        self.check_finished()
        plan = Plan(self._encoding, table, schema)
        written = bytearray()
        count = append_rows(written, plan, rows, size=len(self), most=self.max_buf_size)
        self._add(written, count)
        return self

    def table(self, name: str) -> Self:
        """Begin a row. It is finished by `at` or `at_now`, and only then in the buffer.

        When one of its parts is refused, the whole row is dropped. Threads that share
        a buffer use `row` instead.

        Raises:
            RowError: The name is not allowed, or the row before is not finished.
        """
        self.check_finished()
        self._pending = PendingRow(self._encoding, name)
        return self

    def at(self, timestamp: At) -> Self:
        """Finish the row with its designated timestamp.

        Raises:
            RowError: There is no row, it is empty, or the server takes no such time.
            BufferFull: There is no room for it.
        """
        self.append(self.begun("at()").finish(timestamp))
        return self

    def at_now(self) -> Self:
        """Finish the row; the server's clock gives it its designated timestamp.

        Raises:
            RowError: There is no row, or it is empty.
            BufferFull: There is no room for it.
        """
        return self.at(None)

    def cancel_row(self) -> Self:
        """Drop the row that was begun, if there is one."""
        self._pending = None
        return self

    def begin(self, table: str, then: Callable[[bytearray], T]) -> Row[T]:
        """Return a row that is not in the buffer until `then` has it appended.

        Raises:
            RowError: The name is not allowed.
        """
        return Row(self._encoding, table, then)

    def append(self, row: bytearray) -> None:
        """Append a row that is finished.

        Raises:
            BufferFull: There is no room for it.
        """
        self._add(row, 1)

    def check_finished(self) -> None:
        """Refuse to go on while a row is not finished, as before it is sent.

        Raises:
            RowError: There is one.
        """
        if self._pending is not None:
            refuse_unfinished(self._pending.table)

    def take(self) -> tuple[Store, int]:
        """Hand over the rows, without copying them, and go on without any.

        Returns:
            The rows, and how many they are.
        """
        with self._turn:
            taken, rows, spare = self._store, self.row_count, self._spare
            self._store = Store() if spare is None else spare
            self._spare = None
            self.row_count = 0
        return taken, rows

    def restore(self, store: Store, rows: int) -> None:
        """Put rows that were taken back in front of those that came since.

        There may be more than `max_buf_size` then: they were accepted before.

        Raises:
            BufferError: There is a view of them, and others to be put behind them.
        """
        with self._turn:
            since = self._store
            if len(since):
                store.extend(since)
            self._store = store
            self.row_count += rows
            self.recycle(since)

    def lend(self) -> Store:
        """Hand over memory to write rows to, for `adopt` and then for `recycle`."""
        with self._turn:
            spare, self._spare = self._spare, None
        return Store() if spare is None else spare

    def recycle(self, store: Store) -> None:
        """Give memory back, for the rows to come; it is not looked at any more."""
        try:
            store.clear()
        except BufferError:  # somebody has a view of it: it is his
            return
        self._spare = store

    def adopt(self, store: Store, rows: int) -> None:
        """Append rows that were written elsewhere; the store is empty then.

        Raises:
            RowError: A row is begun and not finished.
            BufferFull: There is no room for them; the store is as it was.
            BufferError: There is a view of them.
        """
        self.check_finished()
        with self._turn:
            size = len(self._store)
            refuse_full(size, len(store), self.max_buf_size)
            self._store.extend(store)
            try:
                store.clear()
            except BufferError:
                self._store.truncate(size)
                raise
            self.row_count += rows

    def truncate(self, size: int, rows: int) -> None:
        """Drop all but the first bytes, which are so many rows.

        Raises:
            BufferError: There is a view of them.
        """
        with self._turn:
            self._store.truncate(size)
            self.row_count = rows

    def _add(self, written: bytearray, rows: int) -> None:
        with self._turn:
            store = self._store
            refuse_full(len(store), len(written), self.max_buf_size)
            store += written
            self.row_count += rows


ask(
    row_of=row_of,
    append_rows=append_rows,
    begin=PendingRow,
    resume=PendingRow.resumed,
    refuse_full=refuse_full,
    refuse_no_row=refuse_no_row,
    refuse_unfinished=refuse_unfinished,
    plan=Plan,
)

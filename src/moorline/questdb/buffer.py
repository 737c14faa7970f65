"""A buffer of rows in QuestDB's line protocol, to be sent or looked at.

What cannot be written as it is, is refused, and a row that is refused leaves nothing
behind. What the server would store as something else is written as it is, unless
``strict=True``, which refuses it as well:

================================  ===================================================
NaN, the infinities               the server stores NULL; in arrays too
the least 64-bit integer          the server stores NULL, for timestamps as well
a Decimal that is no number       written as NULL
nanoseconds, protocol version 1   cut to microseconds
a datetime without a timezone     taken as UTC, with a warning
names equal but for their case    the server keeps the first
================================  ===================================================

Refused in any case: two columns of one name, of which the server would keep the first;
halves of surrogate pairs; whole numbers beyond 64 bits; a row without any value.

Nobody but the server knows that a column has microseconds, in which case it cuts
nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from moorline.errors import ConfigError, RowError
from moorline.questdb.encoding import Encoding
from moorline.questdb.fluent import Fluent, Row
from moorline.questdb.names import DEFAULT_MAX_LEN
from moorline.questdb.pending import PendingRow
from moorline.questdb.rows import append_row, append_rows, refuse_full
from moorline.questdb.schema import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from moorline.questdb.encoding import ProtocolVersion
    from moorline.questdb.fluent import At
    from moorline.questdb.schema import ColumnKind

__all__ = ["Buffer", "Mark"]

T = TypeVar("T")

LEAST_SIZE = 1024


class Mark(NamedTuple):
    """A place in a buffer, between two rows."""

    size: int
    rows: int


class Buffer(Fluent):
    """Rows as they are sent.

    Args:
        protocol_version: 1, 2 or 3. Doubles are binary from 2 on, and there are arrays,
            which QuestDB 9.0 reads; from 3 on there are decimals, which 9.2 reads.
        max_name_len: How many bytes of UTF-8 a name may have: as the server is
            configured.
        init_buf_size: How many bytes to expect, at least 1024; the buffer grows.
        max_buf_size: How many bytes it may have.
        strict: Refuse what the server would store as something else.

    Attributes:
        row_count: How many rows there are.

    Raises:
        ConfigError: An option is out of its range.
    """

    __slots__ = (
        "_out",
        "init_buf_size",
        "max_buf_size",
        "row_count",
    )

    def __init__(
        self,
        protocol_version: ProtocolVersion = 2,
        max_name_len: int = DEFAULT_MAX_LEN,
        init_buf_size: int = 65_536,
        max_buf_size: int = 104_857_600,
        *,
        strict: bool = False,
    ) -> None:
        _check_sizes(init_buf_size, max_buf_size)
        self._encoding = Encoding(protocol_version, max_name_len, strict=strict)
        self.init_buf_size = init_buf_size
        self.max_buf_size = max_buf_size
        self._out = bytearray()
        self.row_count = 0
        self._pending = None

    @property
    def protocol_version(self) -> int:
        """The protocol version that rows are written in."""
        return self._encoding.version

    @property
    def max_name_len(self) -> int:
        """How many bytes a name may have."""
        return self._encoding.max_name_len

    @property
    def strict(self) -> bool:
        """Whether what the server would store as something else is refused."""
        return self._encoding.strict

    def __len__(self) -> int:
        """Return how many bytes the finished rows have."""
        return len(self._out)

    def __bytes__(self) -> bytes:
        """Return the finished rows."""
        return bytes(self._out)

    def __repr__(self) -> str:
        return (
            f"<Buffer: {self.row_count} rows, {len(self)} bytes, "
            f"protocol_version={self.protocol_version}>"
        )

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
        append_row(
            self._out, self._encoding, self.max_buf_size, table, symbols, columns, at
        )
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
        if self._pending is not None:
            self.check_finished()
        plan = Plan(self._encoding, table, schema)
        self.row_count += append_rows(self._out, self.max_buf_size, plan, rows)
        return self

    def table(self, name: str) -> Self:
        """Begin a row. It is finished by `at` or `at_now`, and only then in the buffer.

        When one of its parts is refused, the whole row is dropped.

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
        self.reserve(len(row))
        self._out += row
        self.row_count += 1

    def clear(self) -> None:
        """Drop all rows."""
        self.rewind(Mark(0, 0))

    def reserve(self, additional: int) -> None:
        """Make sure that so many bytes are allowed beside those that are there.

        Raises:
            BufferFull: They are not.
        """
        refuse_full(len(self._out), additional, self.max_buf_size)

    def mark(self) -> Mark:
        """Return where the buffer ends now, for `rewind`.

        Raises:
            RowError: A row is not finished.
        """
        self.check_finished()
        return Mark(len(self._out), self.row_count)

    def rewind(self, mark: Mark) -> None:
        """Drop the rows behind a mark, and one that is not finished."""
        self._pending = None
        del self._out[mark.size :]
        self.row_count = mark.rows

    def check_finished(self) -> None:
        """Refuse to go on while a row is not finished, as before it is sent.

        Raises:
            RowError: There is one.
        """
        if self._pending is not None:
            raise RowError(
                f"table {self._pending.table!r}: a row is begun and not finished: end "
                "it with at() or at_now(), or drop it with cancel_row()"
            )


def _check_sizes(init_buf_size: int, max_buf_size: int) -> None:
    for name, value in (
        ("init_buf_size", init_buf_size),
        ("max_buf_size", max_buf_size),
    ):
        if value < LEAST_SIZE:
            raise ConfigError(f"{name}={value!r}: write {LEAST_SIZE} or more")

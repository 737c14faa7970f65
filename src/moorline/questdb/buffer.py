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

from typing import TYPE_CHECKING, NamedTuple, Self

from moorline.errors import ConfigError, RowError
from moorline.questdb.appender import Appender
from moorline.questdb.encoding import Encoding
from moorline.questdb.names import DEFAULT_MAX_LEN
from moorline.questdb.rows import refuse_full

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.questdb.encoding import ProtocolVersion
    from moorline.questdb.fluent import At
    from moorline.questdb.frames import Chunk
    from moorline.questdb.frames.layout import ColumnRef, Symbols

__all__ = ["Buffer", "Mark"]

LEAST_SIZE = 1024
# So many rows of a frame are written before it is seen whether there is room for them.
ROWS_AT_ONCE = 131_072


class Mark(NamedTuple):
    """A place in a buffer, between two rows."""

    size: int
    rows: int


class Buffer(Appender):
    """Rows as they are sent.

    Threads may share it, as long as they append whole rows: `row` and `rows`.

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

    __slots__ = ()

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
        encoding = Encoding(protocol_version, max_name_len, strict=strict)
        super().__init__(encoding, init_buf_size, max_buf_size)

    def beside(self) -> Self:
        """Return an empty buffer whose rows are written in the same way."""
        other = type(self).__new__(type(self))
        Appender.__init__(other, self._encoding, self.init_buf_size, self.max_buf_size)
        return other

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

    def dataframe(
        self,
        obj: object,
        *,
        table: str | None = None,
        table_name_col: ColumnRef | None = None,
        symbols: Symbols = "auto",
        at: At | ColumnRef,
    ) -> Self:
        """Append the rows of a frame, all of them or none.

        ::

            buffer.dataframe(df, table="trades", symbols=["symbol", "side"], at="ts")

        Args:
            obj: A DataFrame of pandas or polars, a table, record batch or reader of
                pyarrow, a relation of DuckDB, whatever else has ``__arrow_c_stream__``,
                ``__arrow_c_array__`` or ``__dataframe__``; a dict of arrays or lists;
                an array of NumPy's with fields; dicts, dataclasses or named tuples, one
                for each row; or an iterator of such rows or frames. An index of pandas
                is not written.
            table: The table's name.
            table_name_col: The column that says for each row which table it is for.
            symbols: Which columns are symbols, by name or place; all texts if it is
                `True`, none if it is `False`; ``"auto"`` is texts that the frame keeps
                as categories, as an enum, or by a dictionary.
            at: The column of the designated timestamp, by name or place; or a moment
                that all rows have; or `None` for the server's clock.

        Raises:
            RowError: It is no frame, or something of it cannot be written; nothing was.
            BufferFull: There is no room for it.
            ConfigError: nanoarrow is needed to read it, and is not installed.
        """
        chunks = self.chunks(
            obj, table=table, table_name_col=table_name_col, symbols=symbols, at=at
        )
        written, rows = self.lend(), 0
        try:
            for chunk in chunks:
                for start in range(0, chunk.rows, ROWS_AT_ONCE):
                    stop = min(start + ROWS_AT_ONCE, chunk.rows)
                    chunk.encode(start, stop, written)
                    self.reserve(len(written))
                rows += chunk.rows
            self.adopt(written, rows)
        finally:
            self.recycle(written)
        return self

    def chunks(
        self,
        obj: object,
        *,
        table: str | None = None,
        table_name_col: ColumnRef | None = None,
        symbols: Symbols = "auto",
        at: At | ColumnRef,
    ) -> Iterator[Chunk]:
        """Return the rows of a frame in pieces, for `adopt`; see `dataframe`."""
        from moorline.questdb.frames import read  # noqa: PLC0415 - rows need none of it

        return read(
            self._encoding,
            obj,
            table=table,
            table_name_col=table_name_col,
            symbols=symbols,
            at=at,
        )

    def __repr__(self) -> str:
        return (
            f"<Buffer: {self.row_count} rows, {len(self)} bytes, "
            f"protocol_version={self.protocol_version}>"
        )

    def clear(self) -> None:
        """Drop all rows."""
        self.rewind(Mark(0, 0))

    def reserve(self, additional: int) -> None:
        """Make sure that so many bytes are allowed beside those that are there.

        Raises:
            BufferFull: They are not.
        """
        refuse_full(len(self), additional, self.max_buf_size)

    def mark(self) -> Mark:
        """Return where the buffer ends now, for `rewind`.

        Raises:
            RowError: A row is not finished.
        """
        self.check_finished()
        return Mark(len(self), self.row_count)

    def rewind(self, mark: Mark) -> None:
        """Drop the rows behind a mark, and one that is not finished.

        Raises:
            RowError: The rows before it are not all there any more.
        """
        if mark.size > len(self):
            raise RowError(
                f"the mark is at byte {mark.size}, and there are {len(self)}: rows "
                "before it were taken or dropped; take a new mark"
            )
        self.cancel_row()
        self.truncate(mark.size, mark.rows)


def _check_sizes(init_buf_size: int, max_buf_size: int) -> None:
    for name, value in (
        ("init_buf_size", init_buf_size),
        ("max_buf_size", max_buf_size),
    ):
        if value < LEAST_SIZE:
            raise ConfigError(f"{name}={value!r}: write {LEAST_SIZE} or more")

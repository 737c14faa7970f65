"""Frames: columns of a table, to be written as rows.

::

    for chunk in frames.read(encoding, frame, table="trades", at="ts"):
        chunk.encode(0, chunk.rows, store)

A frame is whatever has columns: of pandas, polars, pyarrow, DuckDB, NumPy, or of Python
alone. What it is made of is read as one of a few layouts (`columns`), without copying
where that is possible; what becomes of each column is decided once (`layout`); and rows
are written by what writes them one by one, so that the bytes are the same (`chunk`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.questdb.frames.chunk import Chunk
from moorline.questdb.frames.detect import sources_of
from moorline.questdb.frames.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.questdb.encoding import Encoding
    from moorline.questdb.fluent import At
    from moorline.questdb.frames.layout import ColumnRef, Symbols

__all__ = ["Chunk", "read"]


def read(
    encoding: Encoding,
    obj: object,
    *,
    table: str | None = None,
    table_name_col: ColumnRef | None = None,
    symbols: Symbols = "auto",
    at: At | ColumnRef = None,
) -> Iterator[Chunk]:
    """Return the rows of a frame, in chunks as they lie in memory.

    Everything that its schema tells is checked before the first chunk.

    Args:
        encoding: How they are written.
        obj: A DataFrame of pandas or polars, a table, record batch or reader of
            pyarrow, a relation of DuckDB, whatever else has ``__arrow_c_stream__``,
            ``__arrow_c_array__`` or ``__dataframe__``; a dict of arrays or lists; an
            array of NumPy's with fields; dicts, dataclasses or named tuples, one for
            each row; or an iterator of such rows or frames. An index of pandas is not
            written.
        table: The table's name.
        table_name_col: The column that says for each row which table it is for.
        symbols: Which columns are symbols, by name or place; all texts if it is `True`,
            none if it is `False`; ``"auto"`` is texts that the frame keeps as
            categories, as an enum, or by a dictionary.
        at: The column of the designated timestamp, by name or place; or a moment that
            all rows have; or `None` for the server's clock.

    Raises:
        RowError: It is no frame, or a column of it cannot be written.
        ConfigError: nanoarrow is needed to read it, and is not installed.
    """
    first = 0
    for source in sources_of(obj):
        if not source.fields:
            continue
        layout = lay_out(
            encoding,
            source.fields,
            table=table,
            table_name_col=table_name_col,
            symbols=symbols,
            at=at,
        )
        for part in source.parts:
            if part.rows:
                yield Chunk(encoding, layout, part, first)
            first += part.rows

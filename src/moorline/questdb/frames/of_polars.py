"""Columns of polars's DataFrames, which bring all that is used of polars with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorline.questdb.frames import of_arrow
from moorline.questdb.frames.columns import Coded, Numbers
from moorline.questdb.frames.sources import Piece, of_pieces

if TYPE_CHECKING:
    from moorline.questdb.frames.columns import Column
    from moorline.questdb.frames.sources import Pieces, Source

__all__ = ["of_frame"]


def of_frame(frame: Any) -> Source:  # noqa: ANN401 - polars's, which is not imported
    """Return a frame of a DataFrame.

    All of it could be had as one stream of Arrow, for which polars encodes each
    Categorical anew, which takes as long as writing the rows.
    """
    series = frame.get_columns()
    return of_pieces([one.name for one in series], [_of_series(one) for one in series])


def _of_series(series: Any) -> Pieces:  # noqa: ANN401 - as above
    categories: Any = getattr(series.dtype, "categories", None)
    if categories is None or not hasattr(categories, "to_series"):
        return of_arrow.of_column(series.name, series)
    entries = categories.to_series()
    if len(entries) > len(series):  # which a whole process may have filled
        return of_arrow.of_column(series.name, series)
    texts = of_arrow.of_column(series.name, entries)
    codes = of_arrow.of_column(series.name, series.to_physical())
    if len(texts) > 1:
        return of_arrow.of_column(series.name, series)
    return [Piece(rows, _coded(column, texts[0])) for rows, column in codes]


def _coded(codes: Column, entries: Piece) -> Coded:
    assert isinstance(codes, Numbers)  # noqa: S101 - polars says so
    return Coded(
        data=codes.data,
        entries=entries.column,
        count=entries.rows,
        offset=codes.offset,
        valid=codes.valid,
    )

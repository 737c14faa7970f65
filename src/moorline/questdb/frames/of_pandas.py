"""Columns of pandas's DataFrames, which bring all that is used of pandas with them."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from moorline.questdb.frames import of_arrow
from moorline.questdb.frames.columns import Coded, Nothing, Objects, flat
from moorline.questdb.frames.of_numpy import INTEGERS, first_of, of_array, of_objects
from moorline.questdb.frames.sources import Piece, of_pieces, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.questdb.frames.columns import Column
    from moorline.questdb.frames.sources import Pieces, Source

__all__ = ["of_frame", "of_series"]

# Kinds of pandas's own, by the name of a base of their dtype.
MASKED = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64"}
REFUSED = {
    "PeriodDtype": ("a period", "write .dt.start_time"),
    "IntervalDtype": ("an interval", "write its ends into two columns"),
}


def of_frame(frame: Any) -> Source:  # noqa: ANN401 - pandas's, which is not imported
    """Return a frame of a DataFrame; its index is not written."""
    names = list(frame.columns)
    columns = [
        of_series(name, frame.iloc[:, place].array) for place, name in enumerate(names)
    ]
    return of_pieces(names, columns)


def of_series(name: object, values: Any) -> Pieces:  # noqa: ANN401 - as above
    """Return the pieces of a column, which is an array of pandas's.

    Raises:
        RowError: There is no writing its values.
    """
    dtype = values.dtype
    names = {base.__name__ for base in type(dtype).__mro__}
    if "ArrowDtype" in names or (
        "StringDtype" in names
        and dtype.storage == "pyarrow"
        and find_spec("nanoarrow")  # without it they are read one by one
    ):
        return of_arrow.of_column(name, values.__arrow_array__())
    return [Piece(len(values), _of_values(name, values, names))]


def _of_values(name: object, values: Any, names: set[str]) -> Column:  # noqa: ANN401 - as above
    dtype = values.dtype
    if "CategoricalDtype" in names:
        return _of_codes(name, values.codes, values.categories.array)
    if "DatetimeTZDtype" in names:
        return of_array(name, values.to_numpy(dtype=f"M8[{dtype.unit}]"))
    if "BaseMaskedDtype" in names:
        kind = MASKED[dtype.kind]
        return of_array(name, values.to_numpy(kind, na_value=0), ~values.isna())
    if "StringDtype" in names or (dtype.kind == "O" and not names & REFUSED.keys()):
        return _of_cells(values.to_numpy(object).tolist())
    for known in names & REFUSED.keys():
        raise refused(name, *REFUSED[known])
    return of_array(name, values.to_numpy())


def _of_codes(name: object, codes: Any, entries: Any) -> Coded | Nothing:  # noqa: ANN401 - as above
    """Return a column of categories, which are of any kind themselves."""
    if not len(entries):  # of what kind, nobody knows
        return Nothing()
    pieces = of_series(name, entries)
    column = pieces[0].column
    if len(pieces) > 1:  # Arrow's, in several pieces
        column = _of_cells(list(entries))
    if isinstance(column, Objects) and not all(isinstance(v, str) for v in entries):
        column = replace(column, kind=None)  # not text alone, so no symbols
    return Coded(
        data=flat(codes, INTEGERS["i"][codes.dtype.itemsize]),
        entries=column,
        count=len(entries),
    )


def _of_cells(values: Sequence[object]) -> Objects:
    """Return a column of objects, in which pandas has NaN for what is absent.

    Among numbers it is one, though.
    """
    found = of_objects(values, nan=False)
    return replace(found, nan=isinstance(first_of(found), float | int))

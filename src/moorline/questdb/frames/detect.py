"""What an object is that is said to be a frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from moorline.errors import ConfigError, RowError
from moorline.questdb.frames import of_arrow, of_pandas, of_polars
from moorline.questdb.frames.columns import Numbers, flat
from moorline.questdb.frames.of_numpy import (
    is_array,
    of_array,
    of_objects,
    of_structured,
)
from moorline.questdb.frames.of_rows import is_row, of_rows
from moorline.questdb.frames.sources import Piece, of_pieces
from moorline.questdb.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.questdb.frames.sources import Pieces, Source

__all__ = ["sources_of"]

WHAT = (
    "write a pandas or polars DataFrame, a pyarrow Table, what else has "
    "__arrow_c_stream__, a dict of arrays, or dicts or dataclasses, one for each row"
)
# Recognised by where they are from: of no use as they are.
CURES = {
    ("polars", "LazyFrame"): "it is not computed yet: write frame.collect()",
    ("pandas", "Series"): "it is one column: write series.to_frame()",
    ("polars", "Series"): "it is one column: write series.to_frame()",
    ("pandas", "Index"): "it is one column: write index.to_frame()",
}
# What is neither a row nor a frame, though some can be gone through.
NO_ROWS = (list, tuple, str, bytes, int, float)
TYPECODES = {"b", "B", "h", "H", "i", "I", "q", "Q", "f", "d"}


def sources_of(obj: object) -> Iterator[Source]:
    """Return the frames that an object is: one, or more if it is an iterator.

    Raises:
        RowError: It is none, or a column cannot be written.
        ConfigError: Reading it needs what is not installed.
    """
    kinds = _kinds(obj)
    for known in kinds & CURES.keys():
        raise RowError(f"a {type(obj).__name__} is no frame: {CURES[known]}")
    if ("pandas", "DataFrame") in kinds:
        yield of_pandas.of_frame(obj)
    elif ("polars", "DataFrame") in kinds:
        yield of_polars.of_frame(obj)
    elif hasattr(obj, "__arrow_c_stream__") or hasattr(obj, "__arrow_c_array__"):
        yield of_arrow.of_stream(obj)
    elif is_array(obj):
        yield of_structured(obj)
    elif isinstance(obj, Mapping):
        yield _of_mapping(cast("Mapping[object, object]", obj))
    elif hasattr(obj, "__dataframe__"):
        yield from sources_of(_interchanged(obj))
    elif isinstance(obj, Iterable) and not isinstance(obj, str | bytes | bytearray):
        yield from _of_iterator(iter(cast("Iterable[object]", obj)))
    elif is_row(obj):
        raise RowError(f"{shown(obj)} is one row: write it into a list, or call row()")
    else:
        raise RowError(f"{shown(obj)} is no frame: {WHAT}")


def _of_iterator(items: Iterator[object]) -> Iterator[Source]:
    """Return the frames of an iterator of rows, or of frames."""
    for item in items:
        if is_row(item):
            yield from of_rows(chain([item], items))
        elif issubclass(type(item), NO_ROWS):
            raise RowError(f"{shown(item)} is no row: {WHAT}")
        else:
            yield from sources_of(item)


def _of_mapping(columns: Mapping[object, object]) -> Source:
    return of_pieces(
        columns, [_of_column(name, values) for name, values in columns.items()]
    )


def _of_column(name: object, obj: object) -> Pieces:
    """Return the pieces of a column that somebody has made of something."""
    kinds = _kinds(obj)
    values: Any = obj  # of any package
    if is_array(values):
        if not values.ndim:
            raise RowError(f"column {name!r}: {shown(values)} is one value: {WHAT}")
        return [Piece(len(values), of_array(name, values))]
    if kinds & {("pandas", "Series"), ("pandas", "Index")}:
        return of_pandas.of_series(name, values.array)
    if ("pandas", "ExtensionArray") in kinds:
        return of_pandas.of_series(name, values)
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        return of_arrow.of_column(name, values)
    if ("array", "array") in kinds and values.typecode in TYPECODES:
        data = flat(values, values.typecode)
        return [Piece(len(values), Numbers(data=data))]
    if isinstance(obj, Iterable) and not isinstance(obj, str | bytes | Mapping):
        cells = list(cast("Iterable[object]", obj))
        return [Piece(len(cells), of_objects(cells))]
    raise RowError(
        f"column {name!r}: {shown(values)} is one value: a dict is of arrays or lists; "
        "for one row call row(), or write a list of dicts"
    )


def _interchanged(obj: Any) -> object:  # noqa: ANN401 - of any package
    """Return a frame of one that has the interchange protocol alone, a copy perhaps."""
    for home in ("pyarrow.interchange", "pandas.api.interchange"):
        try:
            found: object = import_module(home).from_dataframe(obj)
        except ModuleNotFoundError:
            continue
        return found
    raise ConfigError(
        f"a {type(obj).__name__} has __dataframe__ and no __arrow_c_stream__, which "
        "pyarrow or pandas could read, and neither is installed"
    )


def _kinds(obj: object) -> set[tuple[str, str]]:
    """Return the packages and names of an object's types."""
    return {
        (base.__module__.partition(".")[0], base.__name__) for base in type(obj).__mro__
    }

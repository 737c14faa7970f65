"""Frames of rows: dicts, dataclasses and named tuples, one object for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

from moorline.errors import RowError
from moorline.questdb.frames.of_numpy import of_objects
from moorline.questdb.frames.sources import Piece, of_pieces
from moorline.questdb.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.questdb.frames.sources import Source

__all__ = ["is_row", "of_rows"]

# So many rows of an iterator are read at once: more would be no quicker, and hold up
# the loop of a program that has one.
ROWS_READ = 4096


def is_row(obj: object) -> bool:
    """Tell whether an object is a row."""
    return _reader(type(obj)) is not None


def of_rows(rows: Iterator[object]) -> Iterator[Source]:
    """Return a frame for so many rows at a time, with the columns met until then.

    Raises:
        RowError: One of them is no row; the message says which.
    """
    names: dict[object, None] = {}
    readers: dict[type, Callable[[Any], Mapping[object, object]] | None] = {}
    first = 0
    while taken := list(islice(rows, ROWS_READ)):
        read: list[Mapping[object, object]] = []
        for place, row in enumerate(taken, first):
            kind = type(row)
            if kind not in readers:
                readers[kind] = _reader(kind)
            reader = readers[kind]
            if reader is None:
                raise RowError(
                    f"row {place} is a {kind.__name__}, {shown(row)}: write a dict, a "
                    "dataclass or a named tuple for each row"
                )
            read.append(reader(row))
        names |= dict.fromkeys(chain.from_iterable(read))
        yield of_pieces(
            names,
            [
                [Piece(len(read), of_objects([row.get(name) for row in read]))]
                for name in names
            ],
        )
        first += len(taken)


def _reader(kind: type) -> Callable[[Any], Mapping[object, object]] | None:
    """Return what makes a mapping of a row of a type; `None` if it is no row."""
    if issubclass(kind, Mapping):
        return _same
    known = cast("Any", kind)  # of which the checkers would know half
    names: list[str] = []
    if is_dataclass(known):
        names = [field.name for field in fields(known)]
    elif issubclass(kind, tuple):
        names = [*getattr(known, "_fields", ())]
    if not names:
        return None
    return lambda row: {name: getattr(row, name) for name in names}


def _same(row: Mapping[object, object]) -> Mapping[object, object]:
    return row

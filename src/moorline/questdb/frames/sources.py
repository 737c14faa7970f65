"""What a frame is made of, whatever it is: fields, and parts with a column for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from moorline.errors import RowError
from moorline.questdb.frames.columns import Coded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from moorline.questdb.frames.columns import Column
    from moorline.questdb.kinds import Family

__all__ = ["Field", "Part", "Piece", "Pieces", "Source", "of_pieces", "refused"]


class Field(NamedTuple):
    """What is known of a column before its values are.

    Args:
        name: What it is called.
        family: What its values are on the wire; `None` if each says that itself.
        coded: Whether its values are few, so that a text is a symbol.
    """

    name: object
    family: Family | None
    coded: bool


class Piece(NamedTuple):
    """Some rows of one column.

    Args:
        rows: How many.
        column: Their values.
    """

    rows: int
    column: Column


Pieces: TypeAlias = "Sequence[Piece]"


class Part(NamedTuple):
    """Some rows of a frame.

    Args:
        rows: How many.
        columns: One for each field.
    """

    rows: int
    columns: Sequence[Column]


class Source(NamedTuple):
    """A frame.

    Args:
        fields: Its columns.
        parts: Its rows, one part after the other.
    """

    fields: Sequence[Field]
    parts: Iterable[Part]


def of_pieces(names: Iterable[object], columns: Sequence[Pieces]) -> Source:
    """Return a frame of columns, each of which is cut into pieces where it likes.

    Raises:
        RowError: They are of different lengths.
    """
    names = list(names)
    lengths = {
        name: sum(piece.rows for piece in pieces)
        for name, pieces in zip(names, columns, strict=True)
    }
    if len(set(lengths.values())) > 1:
        raise RowError(f"the columns are of different lengths: {lengths}")
    fields = [
        Field(name, pieces[0].column.family, isinstance(pieces[0].column, Coded))
        for name, pieces in zip(names, columns, strict=True)
    ]
    return Source(fields, _cut(columns) if columns else ())


def _cut(columns: Sequence[Pieces]) -> Iterator[Part]:
    """Return parts that end wherever a piece of a column does."""
    left = [[piece for piece in reversed(pieces) if piece.rows] for pieces in columns]
    while all(left):
        rows = min(pieces[-1].rows for pieces in left)
        part: list[Column] = []
        for pieces in left:
            piece = pieces.pop()
            part.append(piece.column)
            if rest := piece.rows - rows:
                column = piece.column
                moved = replace(column, offset=column.offset + rows)
                pieces.append(Piece(rest, moved))
        yield Part(rows, part)


def refused(name: object, what: str, cure: str) -> RowError:
    """Return an error that says that a column cannot be written."""
    return RowError(f"column {name!r}: {what} cannot be written: {cure}")

"""Columns of lists, which are arrays on the wire."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING, cast

from moorline.errors import RowError
from moorline.questdb.arrays import Doubles
from moorline.questdb.frames.columns import BadValue, Column, Numbers
from moorline.questdb.kinds import exact_float

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from moorline.questdb.kinds import Family

__all__ = ["Lists"]

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists(Column):
    """Lists of numbers, or of such lists.

    Args:
        offsets: Where each begins and ends: one more than there are lists; `None` if
            all have one size.
        size: That size.
        items: What is in them.
    """

    offsets: memoryview | None
    size: int = 0
    items: Column

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "arr"

    @property
    def depth(self) -> int:
        """How many dimensions the arrays have."""
        return 1 + (self.items.depth if isinstance(self.items, Lists) else 0)

    def _read(self, first: int, last: int) -> Iterable[object]:
        depth, items, valid = self.depth, self.items, self.valid
        plain = (
            depth == 1
            and sys.byteorder == "little"
            and isinstance(items, Numbers)
            and items.data.format == "d"
            and items.valid is None
        )
        for index, (start, stop) in enumerate(self.bounds(first, last), first):
            if valid is not None and not valid.has(index):
                yield None
            elif plain:
                yield _of_doubles(cast("Numbers", items), start, stop)
            else:
                yield _of_nested(list(items.values(start, stop)), depth)

    def bounds(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Return where the items of some lists begin and end."""
        for index in range(first, last):
            if self.offsets is None:
                yield index * self.size, (index + 1) * self.size
            else:
                yield self.offsets[index], self.offsets[index + 1]


def _of_doubles(items: Numbers, start: int, stop: int) -> Doubles:
    data = items.data[items.offset + start : items.offset + stop]
    return Doubles((stop - start,), bytes(data))


def _of_nested(values: Sequence[object], depth: int) -> object:
    """Return an array of values that are arrays of one dimension less, or numbers."""
    if depth == 1:
        try:
            numbers = [_number(value) for value in values]
        except RowError as error:
            return BadValue(str(error))
        return Doubles((len(numbers),), pack(f"<{len(numbers)}d", *numbers))
    bad = next((value for value in values if not isinstance(value, Doubles)), None)
    if isinstance(bad, BadValue):
        return bad
    if None in values:
        return BadValue("a list within it is null: an array has no gaps, write NaN")
    parts = cast("list[Doubles]", list(values))
    shapes = {part.shape for part in parts} or {(0,) * (depth - 1)}
    if len(shapes) > 1:
        return BadValue(
            "the lists within it are of different lengths: an array has one length in "
            "each dimension"
        )
    return Doubles((len(parts), *shapes.pop()), b"".join(part.data for part in parts))


def _number(value: object) -> float:
    """Return an element; one that is null is NaN, as it is to the server."""
    if value is None:
        return NAN
    if isinstance(value, int):
        return exact_float(value)
    return cast("float", value)

"""Columns of a frame: a few layouts, those of Apache Arrow, over somebody's memory.

A column has values of Python's own to give, one for each row, which are written as
`Buffer.row` writes them. The compiled kernel reads the same memory without them.

Source of the layouts: "Arrow Columnar Format". Nothing is copied, and what a column was
made of must not change while it is in use.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, repeat
from struct import unpack
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from moorline.questdb.kinds import kind_of
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorline.questdb.kinds import Family

__all__ = [
    "BadValue",
    "Bools",
    "Coded",
    "Column",
    "Decimals",
    "Moments",
    "Nothing",
    "Numbers",
    "Objects",
    "Texts",
    "Validity",
    "Views",
    "flat",
    "is_absent",
]

VIEW = 16  # bytes of a string view
INLINE = 12  # bytes of text that are in the view itself
LEAST = -(2**63)


class BadValue(NamedTuple):
    """Stands for a value that cannot be read.

    Args:
        reason: Why, and what to do.
    """

    reason: str


NO_UTF8 = BadValue("the text is no UTF-8: decode it properly before it is in a frame")
NO_ENTRY = BadValue("its code has no entry in the dictionary: the frame is damaged")


class Validity(NamedTuple):
    """Which rows have a value.

    Args:
        data: A bit or a byte for each, which is set if there is one.
        bits: Whether it is bits, the lowest first.
    """

    data: memoryview
    bits: bool

    def has(self, index: int) -> bool:
        """Tell whether there is a value."""
        if self.bits:
            return bool(self.data[index >> 3] >> (index & 7) & 1)
        return bool(self.data[index])


def flat(data: object, code: str = "B") -> memoryview:
    """Return the memory of an object as so many elements of a type."""
    view: memoryview = memoryview(data)  # type: ignore[arg-type]
    # Of nothing there may be no cast.
    view = view.cast("B") if view.nbytes else memoryview(b"")
    return cast("memoryview", view.cast(cast("Any", code)))


def is_absent(kind: type) -> bool:
    """Tell whether values of a type say that there is none."""
    return kind_of(kind, strict=False).family == "absent"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """The values of one column, of the rows from `offset` on.

    Args:
        offset: Where the first row is in what follows.
        valid: Which rows have a value; `None` if all have.
    """

    offset: int = 0
    valid: Validity | None = None

    @property
    def family(self) -> Family | None:
        """What the values are on the wire; `None` if each says that itself."""
        return None

    def values(self, start: int, stop: int) -> Iterable[object]:
        """Return the values of some rows, of Python's own types; `None` if absent."""
        first, valid = self.offset + start, self.valid
        found = self._read(first, self.offset + stop)
        if valid is None:
            return found
        has = valid.has
        return (value if has(at) else None for at, value in enumerate(found, first))

    def _read(self, first: int, last: int) -> Iterable[object]:
        raise NotImplementedError


class Nothing(Column):
    """A column without any value."""

    __slots__ = ()

    def _read(self, first: int, last: int) -> Iterable[object]:
        return repeat(None, last - first)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers(Column):
    """Whole numbers of 8 to 64 bits, or floats of 32 or 64.

    Args:
        data: They, in this machine's byte order.
    """

    data: memoryview

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "f64" if self.data.format in "fd" else "i64"

    def _read(self, first: int, last: int) -> Iterable[object]:
        return self.data[first:last].tolist()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bools(Column):
    """Truth values.

    Args:
        data: A bit or a byte for each.
        bits: Whether it is bits, the lowest first.
    """

    data: memoryview
    bits: bool

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "bool"

    def _read(self, first: int, last: int) -> Iterable[object]:
        return map(Validity(self.data, self.bits).has, range(first, last))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments(Column):
    """Moments, counted from 1970 in UTC.

    Args:
        data: The counts, of 32 or 64 bits.
        factor: How many nano- or microseconds each counts.
        nanos: Whether it is nanoseconds.
        nat: Whether the least count says that there is no moment.
    """

    data: memoryview
    factor: int
    nanos: bool
    nat: bool = False

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "ts"

    def _read(self, first: int, last: int) -> Iterable[object]:
        unit = TimestampNanos if self.nanos else TimestampMicros
        factor, none = self.factor, LEAST if self.nat else None
        for count in self.data[first:last].tolist():
            yield None if count == none else unit(count * factor)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts(Column):
    """Texts, one behind the other.

    Args:
        offsets: Where each begins and ends: one more than there are texts.
        data: The texts, in UTF-8.
    """

    offsets: memoryview
    data: memoryview

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "str"

    def _read(self, first: int, last: int) -> Iterable[object]:
        ends = self.offsets[first : last + 1].tolist()
        return (_text(self.data[a:b]) for a, b in pairwise(ends))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views(Column):
    """Texts, each where a view of 16 bytes says.

    Args:
        data: The views: a length, then the text itself if that is short, or its
            beginning, the number of a buffer and a place in it.
        buffers: The long texts, in UTF-8.
    """

    data: memoryview
    buffers: tuple[memoryview, ...]

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "str"

    def _read(self, first: int, last: int) -> Iterable[object]:
        valid = self.valid
        for index in range(first, last):
            if valid is not None and not valid.has(index):
                yield None  # what its view says need not make sense
            else:
                yield _text(self._bytes(index * VIEW))

    def _bytes(self, at: int) -> memoryview:
        view = self.data[at : at + VIEW]
        length, _, number, start = unpack("=4i", view)
        if length <= INLINE:
            return view[4 : 4 + length]
        found: memoryview = self.buffers[number][start : start + length]
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coded(Column):
    """Values that repeat: a number for each, which is its place among the entries.

    Args:
        data: The numbers, whole ones of 8 to 64 bits; one below 0 is no value.
        entries: The values.
        count: How many entries there are.
    """

    data: memoryview
    entries: Column
    count: int

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return self.entries.family

    def _read(self, first: int, last: int) -> Iterable[object]:
        entries, count = list(self.entries.values(0, self.count)), self.count
        for code in self.data[first:last].tolist():
            if code < count:
                yield entries[code] if code >= 0 else None
            else:
                yield NO_ENTRY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Objects(Column):
    """Objects of any types.

    Args:
        data: They.
        kind: What all of them are on the wire, if that was found out.
        nan: Whether a NaN among them is a value; if not, it is absent.
    """

    data: Sequence[object]
    kind: Family | None = None
    nan: bool = True

    @property
    def family(self) -> Family | None:
        """What the values are on the wire; `None` if each says that itself."""
        return self.kind

    def _read(self, first: int, last: int) -> Iterable[object]:
        found = self.data[first:last]
        if self.nan:
            return found
        return (
            None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN alone is not itself
            for value in found
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decimals(Column):
    """Decimals of one scale.

    Args:
        data: Their digits as whole numbers, little-endian.
        width: How many bytes each has.
        scale: How many of the digits are behind the point.
    """

    data: memoryview
    width: int
    scale: int

    @property
    def family(self) -> Family | None:
        """What the values are on the wire."""
        return "dec"

    def _read(self, first: int, last: int) -> Iterable[object]:
        for at in range(first * self.width, last * self.width, self.width):
            digits = self.data[at : at + self.width]
            number = int.from_bytes(digits, sys.byteorder, signed=True)
            # Not scaleb(), which rounds as the context says.
            yield Decimal(f"{number}E{-self.scale}")


def _text(data: memoryview) -> object:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        return NO_UTF8

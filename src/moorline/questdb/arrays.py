"""Arrays on the wire: doubles in row-major order, from whatever holds numbers.

QuestDB 9.3.4 refuses arrays of integers (``ARRAY_INVALID_TYPE``), so these are written
as doubles where that changes no element.
"""

from __future__ import annotations

import struct
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from moorline.errors import RowError

if TYPE_CHECKING:
    from array import array as Array  # noqa: N812 - it is used as a type
    from collections.abc import Callable, Sequence

__all__ = ["Doubles", "array_field", "of_array", "of_ndarray", "of_nested"]

MARK = b"=\x0e"
DOUBLE = 10
MOST_DIMENSIONS = 32
LONGEST = 2**28 - 1
MOST_BYTES = 512 * 2**20
WIDTH = 8
EXACT = 2**53  # every whole number up to it is a double


class Doubles(NamedTuple):
    """An array, ready to be written.

    Args:
        shape: Its length in each dimension.
        data: Its elements, little-endian, in row-major order.
    """

    shape: tuple[int, ...]
    data: bytes


class _Dtype(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def itemsize(self) -> int: ...


class NdArray(Protocol):
    """What is used of a NumPy array, whose package is not imported."""

    @property
    def dtype(self) -> _Dtype: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    def astype(self, dtype: str) -> NdArray: ...
    def min(self) -> int: ...
    def max(self) -> int: ...
    def tobytes(self) -> bytes: ...


def array_field(array: Doubles, *, strict: bool) -> bytes:
    """Return an array as protocol versions 2 and 3 write it.

    Raises:
        RowError: It is too large, or it holds what the server makes NULL and `strict`
            is set.
    """
    shape, data = array
    if len(shape) > MOST_DIMENSIONS:
        raise RowError(
            f"the array has {len(shape)} dimensions, and the server takes "
            f"{MOST_DIMENSIONS}"
        )
    if max(shape) > LONGEST or len(data) > MOST_BYTES:
        raise RowError(
            f"the array of shape {shape} is too large: the server takes {LONGEST} "
            f"elements in a dimension and {MOST_BYTES >> 20} MiB in all"
        )
    if strict and not all(map(isfinite, _floats(data))):
        raise RowError(
            "the array has an element that is no finite number; the server stores it "
            "as NULL, and strict=True: replace it"
        )
    count = len(shape)
    head = struct.pack(f"<2sBB{count}I", MARK, DOUBLE, count, *shape)
    return head + data


def of_nested(values: Sequence[object], float_of: Callable[[object], float]) -> Doubles:
    """Read nested lists or tuples.

    Args:
        values: All of one level are of one length.
        float_of: Returns the double that an element is, or raises RowError.
    """
    shape = [len(values)]
    level = values
    while inner := _nested(level):
        if len(inner) < len(level) or len({len(value) for value in inner}) > 1:
            raise RowError(
                "the nested lists are of different lengths or depths: an array has "
                "one length in each dimension"
            )
        if len(shape) >= MOST_DIMENSIONS:
            raise RowError(f"the lists are nested deeper than {MOST_DIMENSIONS}")
        shape.append(len(inner[0]))
        level = [element for value in inner for element in value]
    return Doubles(tuple(shape), _packed([float_of(value) for value in level]))


def _nested(values: Sequence[object]) -> list[Sequence[object]]:
    """Return those of the values that are lists or tuples themselves."""
    return [
        cast("Sequence[object]", value)
        for value in values
        if isinstance(value, list | tuple)
    ]


def of_array(values: Array[int] | Array[float]) -> Doubles:
    """Read an ``array.array`` of numbers."""
    if values.typecode in "uw":
        raise RowError("an array of characters: write a str")
    if values.typecode not in "fd":
        _check_exact(int(min(values, default=0)), int(max(values, default=0)))
    return Doubles((len(values),), _packed(values))


def of_ndarray(values: NdArray) -> Doubles:
    """Read a NumPy array of any byte order and memory layout."""
    kind, width = values.dtype.kind, values.dtype.itemsize
    if not values.shape:
        raise RowError("an array of no dimension: write array.item()")
    if any(base.__name__ == "MaskedArray" for base in type(values).__mro__):
        raise RowError("a masked array: fill it first, as with array.filled(nan)")
    if kind not in "fiu" or width > WIDTH:
        raise RowError(
            f"an array of {values.dtype}: write one of float64, or of what fits into "
            'it: array.astype("float64")'
        )
    if kind in "iu" and values.size:
        _check_exact(int(values.min()), int(values.max()))
    return Doubles(tuple(values.shape), values.astype("<f8").tobytes())


def _check_exact(least: int, greatest: int) -> None:
    if least < -EXACT or greatest > EXACT:
        raise RowError(
            f"the array has whole numbers from {least} to {greatest}; beyond ±2^53 "
            "they are no doubles, and the server has no other arrays: round them "
            "yourself"
        )


def _packed(values: Sequence[float] | Array[int] | Array[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def _floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // WIDTH}d", data)

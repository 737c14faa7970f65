"""Columns of NumPy arrays, which bring all that is used of NumPy with them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moorline.questdb.frames.columns import (
    Bools,
    Moments,
    Nothing,
    Numbers,
    Objects,
    Validity,
    flat,
    is_absent,
)
from moorline.questdb.frames.sources import Piece, of_pieces, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.questdb.frames.columns import (
        Column,
    )
    from moorline.questdb.frames.sources import Source
    from moorline.questdb.kinds import Family

__all__ = [
    "first_of",
    "is_array",
    "of_array",
    "of_objects",
    "of_structured",
]

INTEGERS = {
    "i": {1: "b", 2: "h", 4: "i", 8: "q"},
    "u": {1: "B", 2: "H", 4: "I", 8: "Q"},
}
FLOATS = {4: "f", 8: "d"}
# Of a unit: how many nano- or microseconds it is, and whether it is nanoseconds.
UNITS = {
    "ns": (1, True),
    "us": (1, False),
    "ms": (1_000, False),
    "s": (1_000_000, False),
    "m": (60_000_000, False),
    "h": (3_600_000_000, False),
    "D": (86_400_000_000, False),
    "W": (604_800_000_000, False),
}
UNIT = re.compile(r".*\[(\d*)(\w+)\]")
REFUSED = {
    "m": ("a timedelta", 'write whole numbers of some unit: .astype("int64")'),
    "c": ("a complex number", "write its parts into two columns"),
    "S": ("bytes", 'decode them: numpy.strings.decode(array, "utf-8")'),
    "V": ("a record", "write its fields as columns"),
}


def is_array(obj: object) -> bool:
    """Tell whether something is a NumPy array."""
    names = {(base.__module__, base.__name__) for base in type(obj).__mro__}
    return ("numpy", "ndarray") in names


def of_structured(array: Any) -> Source:  # noqa: ANN401 - NumPy's, which is not imported
    """Return a frame of an array whose elements have fields."""
    names = array.dtype.names
    if names is None or array.ndim != 1:
        raise refused(
            "array",
            f"an array of {array.dtype} with {array.ndim} dimensions",
            "write a dict of arrays of one dimension, or an array with fields",
        )
    rows = len(array)
    return of_pieces(
        names, [[Piece(rows, of_array(name, array[name]))] for name in names]
    )


def of_array(name: object, array: Any, valid: Any = None) -> Column:  # noqa: ANN401 - as above
    """Return a column of an array.

    Args:
        name: What it is called.
        array: Of one dimension; if it has more, each element is an array.
        valid: An array of truth values, which says what is there; `None` if all is.

    Raises:
        RowError: There is no writing its elements.
    """
    if (mask := getattr(array, "mask", None)) is not None:  # a masked array
        array = array.data
        if getattr(mask, "ndim", 0):
            valid = ~mask
        elif mask:
            return Nothing()
    kept = (
        None if valid is None else Validity(flat(_plain(valid).view("u1")), bits=False)
    )
    kind, width = array.dtype.kind, array.dtype.itemsize
    if array.ndim != 1 or kind in "OU":
        return of_objects(list(array) if array.ndim != 1 else array.tolist(), kept)
    if kind == "M":
        return _of_moments(array, kept)
    if kind == "b":
        data = flat(_plain(array).view("u1"))
        return Bools(data=data, bits=False, valid=kept)
    if kind == "f" and width == 2:  # noqa: PLR2004 - of which memoryview knows nothing
        array, width = array.astype("f4"), 4
    if kind == "f" and width in FLOATS:
        return Numbers(data=flat(_plain(array), FLOATS[width]), valid=kept)
    if kind in INTEGERS:
        return Numbers(data=flat(_plain(array), INTEGERS[kind][width]), valid=kept)
    what, cure = REFUSED.get(
        kind, (f"an array of {array.dtype}", 'write .astype("float64")')
    )
    raise refused(name, what, cure)


def _of_moments(array: Any, valid: Validity | None = None) -> Column:  # noqa: ANN401 - as above
    """Return a column of an array of datetime64."""
    found = UNIT.fullmatch(array.dtype.str)
    if found is None:  # one of no unit has NaT alone
        return Nothing()
    if found[2] in "MY":  # which have no fixed length
        array, count, unit = array.astype("M8[D]"), 1, "D"
    else:
        count, unit = int(found[1] or 1), found[2]
    if unit not in UNITS:  # finer than nanoseconds
        return of_objects(list(array), valid)
    factor, nanos = UNITS[unit]
    data = flat(_plain(array).view("i8"), "q")
    return Moments(data=data, factor=factor * count, nanos=nanos, nat=True, valid=valid)


def of_objects(
    values: Sequence[object], valid: Validity | None = None, *, nan: bool = True
) -> Objects:
    """Return a column of objects.

    Args:
        values: They.
        valid: Which of them count.
        nan: Whether a NaN among them is a value.
    """
    found = Objects(data=values, valid=valid, nan=nan)
    kind: Family | None = "str" if isinstance(first_of(found), str) else None
    return replace(found, kind=kind)


def first_of(column: Objects) -> object:
    """Return the first value that is not absent; `None` if all are."""
    absent: dict[type, bool] = {}
    for value in column.values(0, len(column.data)):
        kind = type(value)
        if kind not in absent:
            absent[kind] = is_absent(kind)
        if not absent[kind]:
            return value
    return None


def _plain(array: Any) -> Any:  # noqa: ANN401 - as above
    """Return an array as this machine has them, one element behind the other."""
    native = array.dtype.newbyteorder("=")
    array = array.astype(native, order="C", copy=False, subok=False)
    return array if array.flags.aligned else array.copy()

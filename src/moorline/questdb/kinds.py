"""What kind of value a type holds, and how to make Python's own of it.

The types of NumPy and pandas are recognised by their names, so that neither package is
imported, nor needed.
"""

from __future__ import annotations

import operator
from array import array
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from moorline.errors import RowError
from moorline.questdb.arrays import Doubles, of_array, of_ndarray, of_nested
from moorline.questdb.moments import of_datetime64, of_pandas
from moorline.questdb.text import shown
from moorline.questdb.timestamps import (
    TimestampMicros,
    TimestampNanos,
    micros_of,
    micros_of_date,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Family", "Kind", "exact_float", "kind_of"]

Family: TypeAlias = Literal[
    "absent", "bool", "i64", "f64", "str", "ts", "dec", "arr", "refused"
]
DOUBLE_WIDTH = 8


class Kind(NamedTuple):
    """A kind of values.

    Args:
        family: What it is on the wire.
        simple: Makes one of a few types of a value: bool, int, float, str, Decimal,
            TimestampMicros, TimestampNanos, Doubles; `None` if there is none.
    """

    family: Family
    simple: Callable[[Any], Any]


def _same(value: object) -> object:
    return value


def _none(_value: object) -> None:
    return None


def _refuse(cure: str, value: object) -> object:
    raise RowError(f"{shown(value)} is of type {type(value).__name__}: {cure}")


def _refused(cure: str) -> Kind:
    return Kind("refused", partial(_refuse, cure))


BOOL = Kind("bool", _same)
UNKNOWN = _refused(
    "write bool, int, float, str, Decimal, a timestamp, a list or array of numbers, or "
    "None"
)
# By class: the first whose subclass a type is. Enums come before what they are made of.
CURES: tuple[tuple[type, str], ...] = (
    (bytes, "decode it"),
    (bytearray, "decode it"),
    (timedelta, "write a whole number of some unit"),
    (time, "write a datetime, or its isoformat()"),
    (Enum, "write its .value"),
    (complex, "write its parts into two columns"),
)


def exact_float(value: int) -> float:
    """Return a whole number as a double.

    Raises:
        RowError: There is no such double.
    """
    try:
        found = float(value)
    except OverflowError:
        found = float("inf")
    if found != value:
        raise RowError(
            f"{shown(value)} cannot be a double without losing digits: write "
            "float(value)"
        )
    return found


def kind_of(kind: type, *, strict: bool) -> Kind:
    """Return what kind of values a type has."""
    foreign = _foreign(kind, strict=strict)
    if foreign is not None:
        return foreign
    table: tuple[tuple[type, Kind], ...] = (
        (type(None), Kind("absent", _none)),
        (bool, BOOL),
        (int, Kind("i64", operator.index)),
        (float, Kind("f64", float.__float__)),
        (str, Kind("str", str.__str__)),
        (Decimal, Kind("dec", _same)),
        (TimestampNanos, Kind("ts", _same)),
        (TimestampMicros, Kind("ts", _same)),
        (datetime, Kind("ts", partial(_of_datetime, strict))),
        (date, Kind("ts", _of_date)),
        (Doubles, Kind("arr", _same)),
        (list, Kind("arr", partial(of_nested, float_of=_element))),
        (tuple, Kind("arr", partial(of_nested, float_of=_element))),
        (array, Kind("arr", of_array)),
        *((known, _refused(cure)) for known, cure in CURES),
    )
    return next((found for known, found in table if issubclass(kind, known)), UNKNOWN)


def _of_datetime(strict: bool, value: datetime) -> TimestampMicros:  # noqa: FBT001 - bound
    return TimestampMicros(micros_of(value, strict=strict))


def _of_date(value: date) -> TimestampMicros:
    return TimestampMicros(micros_of_date(value))


def _element(value: object) -> float:
    """Return an element of a list as a double."""
    if type(value) is float:
        return value
    family, simple = kind_of(type(value), strict=False)
    if family == "f64":
        return float(simple(value))
    if family == "i64":
        return exact_float(simple(value))
    raise RowError(f"the array has an element {shown(value)}: write floats")


def _foreign(kind: type, *, strict: bool) -> Kind | None:
    """Return the kind of a type that is known by its name; `None` if it is not."""
    names = {
        (base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__
    }
    if names & {("pandas", "NaTType"), ("pandas", "NAType")}:
        return Kind("absent", _none)
    if ("pandas", "Timestamp") in names:
        return Kind("ts", partial(of_pandas, strict=strict))
    if ("numpy", "ndarray") in names:
        return Kind("arr", of_ndarray)
    if ("uuid", "UUID") in names:  # by name, since uuid is slow to import
        return _refused("write str(value), of which the server makes a UUID")
    if ("numpy", "generic") not in names:
        return None
    return next(
        (found for name, found in SCALARS if ("numpy", name) in names),
        _refused("write one of Python's own types"),
    )


def _of_floating(value: Any) -> float:  # noqa: ANN401 - NumPy's, which is not imported
    if value.dtype.itemsize > DOUBLE_WIDTH:
        _refuse("it is wider than a double, write float(value)", value)
    return float(value)


# NumPy's scalars by the name of a base, the first that fits: a timedelta64 is an
# integer as well.
SCALARS: tuple[tuple[str, Kind], ...] = (
    ("bool", Kind("bool", bool)),
    ("bool_", Kind("bool", bool)),
    ("datetime64", Kind("ts", of_datetime64)),
    ("timedelta64", _refused("write a whole number of some unit")),
    ("integer", Kind("i64", operator.index)),
    ("floating", Kind("f64", _of_floating)),
    ("str_", Kind("str", str.__str__)),
    ("bytes_", _refused("decode it")),
)

"""Moments of NumPy and pandas, to the nanosecond, without importing either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from moorline.errors import RowError
from moorline.questdb.timestamps import (
    TimestampMicros,
    TimestampNanos,
    warn_of_no_zone,
)

if TYPE_CHECKING:
    from moorline.questdb.timestamps import Timestamp

__all__ = ["DateTime64", "of_datetime64", "of_pandas"]

# Microseconds in a unit; months and years have no fixed length.
MICROS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "D": 86_400_000_000,
    "W": 604_800_000_000,
}
CALENDAR = {"M", "Y"}
# How many of a unit make a nanosecond.
FINER = {"ns": 1, "ps": 1_000, "fs": 1_000_000, "as": 1_000_000_000}
UNIT = re.compile(r"datetime64\[(\d*)(\w+)\]")
NOT_A_TIME = -(2**63)


class DateTime64(Protocol):
    """What is used of a NumPy ``datetime64``."""

    @property
    def dtype(self) -> object:
        """Its unit, in brackets."""

    def astype(self, dtype: str) -> DateTime64:
        """Return it in another unit."""
        ...

    def __int__(self) -> int: ...


class _PandasTimestamp(Protocol):
    """What is used of a pandas ``Timestamp``."""

    @property
    def value(self) -> int: ...
    @property
    def asm8(self) -> DateTime64: ...
    def utcoffset(self) -> object: ...


def of_datetime64(value: DateTime64) -> Timestamp | None:
    """Return a moment in its own precision; `None` for NaT.

    Raises:
        RowError: It has parts of a nanosecond.
    """
    count = int(value.astype("int64"))
    if count == NOT_A_TIME:
        return None
    found = UNIT.fullmatch(str(value.dtype))
    assert found  # noqa: S101 - a datetime64 that is a time has a unit
    unit = found[2]
    if unit in CALENDAR:
        value, unit, found = value.astype("datetime64[D]"), "D", None
        count = int(value.astype("int64"))
    if found and found[1]:
        count *= int(found[1])
    if unit in MICROS:
        return TimestampMicros(count * MICROS[unit])
    nanos, rest = divmod(count, FINER[unit])
    if rest:
        raise RowError(f'{value} is finer than nanoseconds: astype("datetime64[ns]")')
    return TimestampNanos(nanos)


def of_pandas(value: _PandasTimestamp, *, strict: bool) -> Timestamp | None:
    """Return a moment: in nanoseconds if that is its unit, else in microseconds."""
    if value.utcoffset() is None:
        warn_of_no_zone(value, strict=strict)
    if getattr(value, "unit", "ns") != "ns":
        return of_datetime64(value.asm8)  # in UTC, and beyond the year 9999 too
    return TimestampNanos(value.value)

"""Moments as the server counts them: whole micro- or nanoseconds since 1970 in UTC."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime, timedelta
from operator import index
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeAlias

from moorline.errors import RowError
from moorline.questdb.impl import ask, twin

if TYPE_CHECKING:
    from datetime import date

__all__ = [
    "LAST_MICROS",
    "LAST_NANOS",
    "ServerTimestamp",
    "ServerTimestampType",
    "Timestamp",
    "TimestampMicros",
    "TimestampNanos",
    "micros_of",
    "micros_of_date",
    "warn_of_no_zone",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000  # microseconds
# The last moments of 2261 and of 9999. Source: QuestDB 9.3.4 answers "designated
# timestamp overflow, max[9214646399999999999]" and "designated timestamp beyond
# 9999-12-31 is not allowed" to anything later.
LAST_NANOS = 9_214_646_399_999_999_999
LAST_MICROS = 253_402_300_799_999_999


class _Count:
    """A whole number of one unit since 1970 in UTC.

    Attributes:
        value: The number.
    """

    __slots__ = ("value",)
    _per_micro: ClassVar[int]

    def __init__(self, value: int) -> None:
        self.value: Final = value if type(value) is int else _whole(self, value)

    @classmethod
    def from_datetime(cls, moment: datetime) -> Self:
        """Count until a moment; one without a timezone is taken as UTC."""
        return cls(micros_of(moment) * cls._per_micro)

    @classmethod
    def now(cls) -> Self:
        """Count until now, by this machine's clock."""
        return cls(time.time_ns() * cls._per_micro // 1000)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return type(self), (self.value,)


@twin
class TimestampMicros(_Count):
    """Microseconds since 1970 in UTC."""

    __slots__ = ()
    _per_micro = 1


@twin
class TimestampNanos(_Count):
    """Nanoseconds since 1970 in UTC."""

    __slots__ = ()
    _per_micro = 1000


class ServerTimestampType:
    """The type of `ServerTimestamp`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ServerTimestamp"


# Says that the server's clock gives the timestamp, as `None` does.
ServerTimestamp: Final = ServerTimestampType()
Timestamp: TypeAlias = TimestampMicros | TimestampNanos


def micros_of(moment: datetime, *, strict: bool = False) -> int:
    """Return the microseconds from 1970 to a moment.

    One without a timezone is taken as UTC, with a warning: ``datetime.now()`` gives
    local time, which is another moment in most places.

    Raises:
        RowError: It has no timezone, and `strict` is set.
    """
    if moment.utcoffset() is None:
        warn_of_no_zone(moment, strict=strict)
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


def warn_of_no_zone(moment: object, *, strict: bool) -> None:
    """Warn of a moment without a timezone, which is taken as UTC.

    Raises:
        RowError: `strict` is set.
    """
    cure = "write datetime.now(UTC), or moment.astimezone() for local time"
    if strict:
        raise RowError(f"{moment} has no timezone, and strict=True: {cure}")
    # Python shows it once for a program.
    warnings.warn(
        f"a datetime without a timezone is taken as UTC: {cure}",
        UserWarning,
        stacklevel=3,
    )


def micros_of_date(day: date) -> int:
    """Return the microseconds from 1970 to the beginning of a day in UTC."""
    return (day.toordinal() - EPOCH.toordinal()) * DAY


def _whole(what: object, value: object) -> int:
    """Return the int that some other type stands for, NumPy's for instance."""
    unit = type(what).__name__
    if isinstance(value, bool):
        raise TypeError(f"{unit}({value}): write a whole number")
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{unit}({value!r}): write a whole number") from None


ask(whole=_whole, micros_of=micros_of)

"""How a value of Python's own is written, one function for each kind."""

from __future__ import annotations

import struct
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING

from moorline.errors import RowError
from moorline.questdb.text import shown
from moorline.questdb.timestamps import LAST_MICROS, LAST_NANOS, TimestampNanos

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.timestamps import Timestamp, TimestampMicros

__all__ = [
    "DOUBLE_MARK",
    "GREATEST",
    "LEAST",
    "binary_double",
    "boolean",
    "end_micros",
    "end_nanos",
    "end_plain",
    "pack_double",
    "strict_double",
    "strict_timestamp",
    "strict_whole",
    "text_double",
    "timestamp",
    "whole",
]

LEAST, GREATEST = -(2**63), 2**63 - 1
NANOS = 1000  # in a microsecond
DOUBLE_MARK = 0x103D  # "=" and 0x10, little-endian
# Their texts; the server takes no others.
NO_NUMBERS = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}
NULL = "the server stores {} as NULL, and strict=True: write None"

pack_double = struct.Struct("<Hd").pack
# As protocol versions 2 and 3 write a double.
binary_double: Callable[[float], bytes] = partial(pack_double, DOUBLE_MARK)


def text_double(value: float) -> bytes:
    """Return a double as protocol version 1 writes it: the shortest text that is it."""
    text = repr(value)
    if "e" not in text:
        return NO_NUMBERS[text] if text in NO_NUMBERS else text.encode()
    digits, _, exponent = text.partition("e")
    if exponent == "-05":  # the one that QuestDB's own clients write out
        sign = "-" if digits[0] == "-" else ""
        return f"{sign}0.0000{digits.lstrip('-').replace('.', '')}".encode()
    return f"{digits}e{int(exponent)}".encode()


def strict_double(write: Callable[[float], bytes], value: float) -> bytes:
    """Return a double as it is written, unless the server would make NULL of it."""
    if not isfinite(value):
        raise RowError(NULL.format(value))
    return write(value)


def boolean(value: bool) -> bytes:  # noqa: FBT001 - it is the value
    """Return a truth value as it is written."""
    return b"t" if value else b"f"


def whole(value: int) -> bytes:
    """Return a whole number as it is written; one beyond 64 bits is refused."""
    if LEAST <= value <= GREATEST:
        return b"%di" % value
    raise RowError(
        f"{shown(value)} does not fit into 64 bits: write float(value) or str(value)"
    )


def strict_whole(value: int) -> bytes:
    """Return a whole number as it is written, unless the server makes NULL of it."""
    if value == LEAST:
        raise RowError(NULL.format(value))
    return whole(value)


def timestamp(version: int, moment: Timestamp) -> bytes:
    """Return a moment as a column has it; protocol version 1 has no nanoseconds."""
    value, unit = moment.value, b"n" if isinstance(moment, TimestampNanos) else b"t"
    if version == 1 and unit == b"n":
        # Towards zero, as QuestDB's own clients do.
        value, unit = abs(value) // NANOS * (1 if value >= 0 else -1), b"t"
    if LEAST <= value <= GREATEST:
        return b"%d%b" % (value, unit)
    raise RowError(f"{shown(moment)} does not fit into 64 bits")


def strict_timestamp(version: int, moment: Timestamp) -> bytes:
    """Return a moment as a column has it, unless that would change it."""
    if moment.value == LEAST:
        raise RowError(NULL.format(moment))
    if version == 1 and isinstance(moment, TimestampNanos) and moment.value % NANOS:
        raise RowError(
            f"{moment}: protocol_version=1 has microseconds only, and strict=True: "
            f"use protocol_version=2, or round it"
        )
    return timestamp(version, moment)


def end_nanos(moment: TimestampNanos) -> bytes:
    """Return the end of a row, with its designated timestamp, in its own unit.

    Raises:
        RowError: The server takes no such timestamp: it is before 1970 or too late.
    """
    value = moment.value
    if 0 <= value <= LAST_NANOS:
        return b" %dn\n" % value
    raise _out_of_range(moment)


def end_micros(moment: TimestampMicros) -> bytes:
    """Do what `end_nanos` does, for microseconds."""
    value = moment.value
    if 0 <= value <= LAST_MICROS:
        return b" %dt\n" % value
    raise _out_of_range(moment)


def end_plain(moment: Timestamp) -> bytes:
    """Do what `end_nanos` does, in protocol version 1: nanoseconds without a unit."""
    value = moment.value
    nanos = value if isinstance(moment, TimestampNanos) else value * NANOS
    if 0 <= nanos <= LAST_NANOS:
        return b" %d\n" % nanos
    raise _out_of_range(moment)


def _out_of_range(moment: Timestamp) -> RowError:
    said = f"at={shown(moment)} is"
    if moment.value < 0:
        return RowError(
            f"{said} before 1970, which the server does not take: store it in a "
            "column, and give another timestamp"
        )
    return RowError(
        f"{said} later than the server takes: nanoseconds up to {LAST_NANOS} (2261), "
        "which holds for protocol_version=1 too, else microseconds up to "
        f"{LAST_MICROS} (9999); is the number in the unit that the type says?"
    )

"""Decimals on the wire: a scale and a whole number, exact or refused.

Source of the layout: protocol version 3 of QuestDB's line protocol. A mantissa of no
bytes is NULL to QuestDB 9.3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.errors import RowError

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["MARK", "decimal_field"]

MARK = b"=\x17"
MOST_PLACES = 76
# What the server has; 32 bytes would hold some numbers of 77.
MOST_DIGITS = 76


def decimal_field(value: Decimal, *, strict: bool) -> bytes:
    """Return a decimal as protocol version 3 writes it, in as few bytes as it takes.

    NaN and the infinities are written as NULL, which is what the server makes of other
    doubles that are no number. A negative zero is zero.

    Raises:
        RowError: It has too many places or digits, or it is no number and `strict` is
            set.
    """
    if not value.is_finite():
        if strict:
            raise RowError(
                f"the server stores {value} as NULL, and strict=True: write None"
            )
        return MARK + b"\0\0"
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is finite
    if not -MOST_PLACES <= exponent <= MOST_PLACES:
        raise RowError(
            f"Decimal({value!s:.40}) has the exponent {exponent}, and the server takes "
            f"-{MOST_PLACES} to {MOST_PLACES}: quantize() it"
        )
    if len(digits) + max(exponent, 0) > MOST_DIGITS:
        raise _too_long(value)
    number = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    mantissa = _shortest(-number if sign else number)
    return b"%b%c%c%b" % (MARK, max(-exponent, 0), len(mantissa), mantissa)


def _too_long(value: Decimal) -> RowError:
    return RowError(
        f"Decimal({value!s:.40}) has more than the {MOST_DIGITS} digits that the "
        "server has room for: quantize() it, or write str(value) into a string column"
    )


def _shortest(number: int) -> bytes:
    """Return a number as two's complement, big-endian, without needless bytes."""
    magnitude = number if number >= 0 else ~number
    return number.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)

"""Decimals, which only protocol version 3 has."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.decimals import decimal_field
from tests.questdb.ilp import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "000100"),
        ("-0", "000100"),
        ("-0.00", "020100"),
        ("127", "00017f"),
        ("128", "00020080"),
        ("-128", "000180"),
        ("-129", "0002ff7f"),
        ("255", "000200ff"),
        ("1.50", "02020096"),
        ("1E+5", "00030186a0"),
        ("1E-76", "4c0101"),
        ("NaN", "0000"),
        ("-sNaN1", "0000"),
        ("Infinity", "0000"),
        ("-Infinity", "0000"),
    ],
)
def test_decimals_take_as_few_bytes_as_they_can(text, expected):
    written = decimal_field(Decimal(text), strict=False)
    assert written.hex() == "3d17" + expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1E-77", "has the exponent -77"),
        ("1E+77", "has the exponent 77"),
        ("1E+999999", "has the exponent 999999"),
        ("1" + 76 * "0", "has more than the 76 digits"),
        ("9" * 77, "has more than the 76 digits"),
        ("9" * 78, "has more than the 76 digits"),
        ("9" * 5000, "has more than the 76 digits"),
        ("11E+76", "has more than the 76 digits"),
    ],
)
def test_decimals_that_are_refused(text, said):
    with pytest.raises(RowError, match=said):
        decimal_field(Decimal(text), strict=False)


def test_the_largest_number():
    most = 10**76 - 1
    assert decimal_field(Decimal(most), strict=True)[3] == 32
    assert decimal_field(Decimal(-most), strict=True)[3] == 32


@given(st.integers(-(10**72), 10**72), st.integers(-76, 4))
def test_a_decimal_is_read_as_the_number_it_is(number, exponent):
    value = Decimal((int(number < 0), tuple(map(int, str(abs(number)))), exponent))
    buffer = Buffer(protocol_version=3)
    buffer.row("t", columns={"x": value}, at=None)
    ((_, _, ((_, (kind, (mantissa, scale))),), _),) = read(bytes(buffer), 3)
    assert kind == "dec"
    assert mantissa == number * 10 ** max(exponent, 0)
    assert scale == max(-exponent, 0)

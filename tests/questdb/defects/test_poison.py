"""Rows that no server takes, and that hold up all others if the buffer takes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from moorline.errors import RowError
from moorline.questdb import Buffer


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_pandas_timestamp_beyond_the_year_9999_is_stored_or_refused(
    unit: str,
) -> None:
    """It came as a ValueError of `datetime`, which no `except MoorlineError` sees."""
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    moment = pd.Timestamp(np.datetime64("12000-01-01", unit), tz="UTC")
    buffer = Buffer()
    try:
        buffer.row("t", columns={"x": moment}, at=None)
    except RowError:
        assert len(buffer) == 0
    else:
        assert bytes(buffer) == b"t x=316516204800000000t\n"


@pytest.mark.parametrize("table", [" x", "x ", " "])
def test_a_table_of_a_space_at_either_end_is_refused_at_once(table: str) -> None:
    """Servers from 8.2 to 9.3 call such a name invalid, with all rows of the batch."""
    with pytest.raises(RowError, match="name"):
        Buffer().row(table, columns={"x": 1}, at=None)


@pytest.mark.parametrize("text", ["\0", "a\0b"])
def test_a_symbol_with_nul_is_refused_at_once(text: str) -> None:
    """Servers from 8.2 to 9.3 cannot read it, and refuse all rows of the batch."""
    with pytest.raises(RowError, match=r"U\+0000"):
        Buffer().row("t", symbols={"s": text}, columns={"x": 1}, at=None)


@pytest.mark.parametrize("value", [Decimal(10) ** 76, -(Decimal(10) ** 76)])
def test_a_decimal_of_more_digits_than_the_server_has_is_refused_at_once(
    value: Decimal,
) -> None:
    """It has 76; one of 77 fits into the 32 bytes, and fails there with the batch."""
    with pytest.raises(RowError, match="76"):
        Buffer(3).row("t", columns={"x": value}, at=None)

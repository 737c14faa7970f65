from __future__ import annotations

from array import array
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.questdb.buffer import Buffer
from moorline.questdb.lines import row_text, rows_in

# Symbols have no NUL.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
values = st.one_of(
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    texts,
    st.booleans(),
    st.lists(st.floats(), min_size=1, max_size=5).map(lambda one: array("d", one)),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**12),
)
rows = st.lists(st.tuples(texts, values), min_size=1, max_size=6)


@given(rows)
def test_rows_are_found_again_whatever_is_in_them(rows):
    buffer, ends = Buffer(protocol_version=3), []
    for text, value in rows:
        buffer.row("t", symbols={"s": text}, columns={"a b": value, "c": text}, at=None)
        ends.append(len(buffer))
    batch = bytes(buffer)
    found = list(rows_in(batch))
    starts = [0, *ends]
    assert found == [batch[a : b - 1] for a, b in zip(starts, ends, strict=False)]


def test_a_row_is_shown_as_text():
    buffer = Buffer(protocol_version=3)
    buffer.row("t", columns={"x": 1}, at=None)
    buffer.row("t", columns={"d": Decimal("1.5"), "s": "a\nb"}, at=None)
    batch = bytes(buffer)
    assert row_text(batch, 1) == "t x=1i"
    assert row_text(batch, 2).startswith("t d==")
    assert "\n" not in row_text(batch, 2)
    assert row_text(batch, 3) == ""


@pytest.mark.parametrize("size", [10, 5000])
def test_a_long_row_is_cut(size):
    text = row_text(bytes(Buffer().row("t", columns={"s": "x" * size}, at=None)), 1)
    assert len(text) <= 501

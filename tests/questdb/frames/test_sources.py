"""Frames of columns that are cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import RowError
from moorline.questdb.frames.columns import Coded, Objects, flat
from moorline.questdb.frames.sources import Field, Piece, of_pieces


def cut(values, places):
    ends = [0, *sorted(places), len(values)]
    return [
        Piece(stop - start, Objects(data=values[start:stop]))
        for start, stop in pairwise(ends)
    ]


@given(st.data())
def test_parts_end_where_a_piece_of_any_column_does(data):
    rows = data.draw(st.integers(0, 20))
    places = st.lists(st.integers(0, rows), max_size=4)
    columns = [[f"{name}{at}" for at in range(rows)] for name in "abc"]
    source = of_pieces("abc", [cut(one, data.draw(places)) for one in columns])
    found = [[], [], []]
    for part in source.parts:
        assert part.rows > 0
        for place, column in enumerate(part.columns):
            found[place] += column.values(0, part.rows)
    assert found == columns


def test_lengths_have_to_be_alike():
    with pytest.raises(RowError, match=r"of different lengths: \{'a': 1, 'b': 2\}"):
        of_pieces("ab", [cut([1], []), cut([1, 2], [])])


def test_fields_say_what_is_known_before():
    texts = Objects(data=["x"], kind="str")
    coded = Coded(data=flat(b"\0", "b"), entries=texts, count=1)
    source = of_pieces(
        ["t", "c", 3], [[Piece(1, texts)], [Piece(1, coded)], cut([1], [])]
    )
    assert source.fields == [
        Field("t", "str", coded=False),
        Field("c", "str", coded=True),
        Field(3, None, coded=False),
    ]
    assert list(of_pieces([], []).parts) == []

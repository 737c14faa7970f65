"""What tables and columns may be called."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import ConfigError, RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.names import MOST_KEPT, ColumnNames, FirstNames, TableNames
from tests.questdb.ilp import read


class Column(StrEnum):
    PRICE = "price"


@pytest.mark.parametrize("name", ["a b", "a=b", "a-b", "a.b", "a;b|c{}", "\x1f", "é"])
def test_tables_may_be_called(name):
    buffer = Buffer().row(name, columns={"x": 1}, at=None)
    assert read(bytes(buffer), 2)[0].table == name


@pytest.mark.parametrize("name", ["a b", "a=b", "a;b|c{}", "\x10", "\u2028", "é"])
def test_columns_may_be_called(name):
    buffer = Buffer().row("t", symbols={name: "x"}, at=None)
    buffer.row("t", columns={name: 1}, at=None)
    first, second = read(bytes(buffer), 2)
    assert first.symbols == [(name, "x")]
    assert second.columns == [(name, ("i64", 1))]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "a table name is empty"),
        (".a", "a dot may stand between two other characters only"),
        ("a.", "a dot may stand between two other characters only"),
        ("a..b", "a dot may stand between two other characters only"),
        ("a?b", r"table name 'a\?b': it must not contain '\?' \(U\+003F\)"),
        ("a\ufeff", r"must not contain '\\ufeff' \(U\+FEFF\)"),
        ("a\ud800", "half of a surrogate pair"),
        ("x" * 128, "it has 128 bytes, and max_name_len=127 allows no more than 127"),
        ("é" * 64, "it has 128 bytes"),
        (7, "table name 7: write a str"),
        (None, "table name None: write a str"),
        (b"a", "table name b'a': write a str"),
    ],
)
def test_tables_must_not_be_called(name, said):
    for write in (
        lambda buffer: buffer.row(name, columns={"x": 1}, at=None),
        lambda buffer: buffer.table(name),
        lambda buffer: buffer.rows(name, [(1,)], {"x": "i64"}),
    ):
        with pytest.raises(RowError, match=said):
            write(Buffer())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "a column name is empty"),
        ("a.b", r"column name 'a\.b': it must not contain '\.' \(U\+002E\)"),
        ("a-b", r"it must not contain '-' \(U\+002D\)"),
        ("a\nb", r"it must not contain '\\n' \(U\+000A\)"),
        ("x" * 128, "it has 128 bytes"),
        (7, "column name 7: write a str"),
    ],
)
@pytest.mark.parametrize("part", ["symbols", "columns"])
def test_columns_must_not_be_called(name, said, part):
    with pytest.raises(RowError, match="^table 't', column .*" + said):
        Buffer().row("t", **{part: {name: "x"}}, at=None)


def test_the_servers_own_limit():
    wide = Buffer(max_name_len=200).row("x" * 200, columns={"y" * 200: 1}, at=None)
    assert len(wide) == 405
    with pytest.raises(RowError, match="max_name_len=16 allows no more than 16"):
        Buffer(max_name_len=16).row("x" * 17, columns={"y": 1}, at=None)
    with pytest.raises(ConfigError, match="max_name_len=15: write 16 or more"):
        Buffer(max_name_len=15)


def test_members_of_an_enum_are_names():
    buffer = Buffer().row("t", columns={Column.PRICE: 1}, at=None)
    assert bytes(buffer) == b"t price=1i\n"


@pytest.mark.parametrize(
    "names", [TableNames(127), ColumnNames(127), FirstNames(ColumnNames(127))]
)
def test_many_names_do_not_fill_the_memory(names):
    for number in range(3 * MOST_KEPT):
        assert names[f"n {number}"].strip(b", =") == b"n\\ %d" % number
    assert len(names) <= MOST_KEPT


@given(st.text(min_size=1, max_size=140))
def test_a_name_that_is_taken_is_read_as_it_is(name):
    try:
        buffer = Buffer().row("t", symbols={name: "v"}, columns={"c": 1}, at=None)
    except RowError:
        return
    assert read(bytes(buffer), 2)[0].symbols == [(name, "v")]

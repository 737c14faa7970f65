"""Whatever speaks Arrow: pyarrow, polars, DuckDB."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.questdb.frames.writing import both, refused, rows, written

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

DAY = datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
LONG = "a text of more than twelve bytes, \n=, é😀"
TEXTS = ["a b", None, "", LONG, 'q"\\']
NUMBERS = [1, None, 3, 0, 127]
# A type, what a column of it is made of, and what `row` is given, if that is another.
COLUMNS = [
    *((name, NUMBERS, None) for name in ("int8", "uint8", "int16", "uint16")),
    *((name, NUMBERS, None) for name in ("int32", "uint32", "int64", "uint64")),
    *((name, [0.5, None, -0.0, 1.5, 2.0], None) for name in ("float32", "float64")),
    ("float16", [0.5, None, -0.0, 1.5, 2.0], None),
    ("bool_", [True, None, False, True, True], None),
    *((name, TEXTS, None) for name in ("string", "large_string", "string_view")),
    ("date32", [date(2020, 1, 1), None, date(1960, 1, 1)], None),
    ("date64", [date(2020, 1, 1), None, date(1960, 1, 1)], None),
    ("decimal128(38, 2)", [Decimal(f"{10**35}.25"), None, Decimal("-0.01")], None),
    ("decimal128(5, -2)", [Decimal("1.2E3"), None, Decimal("-1E2")], None),
    ("decimal256(76, 2)", [Decimal(f"-{10**70}.25"), None, Decimal("0.00")], None),
    ("list_(pa.float64())", [[1.5], None, [], [2.0, 3.0]], None),
    ("large_list(pa.float32())", [[1.5], None, [], [2.0, 3.0]], None),
    ("list_(pa.int16(), 2)", [[1, 2], None, [3, 4]], None),
    (
        "list_(pa.list_(pa.float64(), 2))",
        [[[1.0, 2.0], [3.0, 4.0]], None, [[5.0, 6.0]]],
        None,
    ),
    ("null()", [None, None], None),
    ("dictionary(pa.int8(), pa.int64())", [5, None, 7, 5], None),
    ("dictionary(pa.uint64(), pa.float64())", [5.5, None, 7.5, 5.5], None),
]


def arrow(kind, values):
    made = eval(f"pa.{kind}" if "(" in kind else f"pa.{kind}()", {"pa": pa})  # noqa: S307 - our own table
    return pa.array(values, made)


@pytest.mark.parametrize(("kind", "values", "given"), COLUMNS)
def test_columns_of_every_type(kind, values, given):
    column = arrow(kind, values)
    given = [
        {"x": value, "n": at}
        for at, value in enumerate(values if given is None else given)
    ]
    table = pa.table({"x": column, "n": range(len(values))})
    expected = rows(given)
    assert written(table) == expected
    assert written(table, step=2) == expected
    assert written(table.to_batches()[0]) == expected
    assert both(lambda: table.to_reader(max_chunksize=2)) == expected
    assert written(pa.concat_tables([table[:1], table[1:]])) == expected
    assert written({"x": column, "n": range(len(values))}) == expected
    for start in range(len(values)):
        assert written(table.slice(start)) == rows(given[start:])
        assert written(table.slice(0, start)) == rows(given[:start])


@pytest.mark.parametrize("text", ["string", "large_string", "string_view"])
@pytest.mark.parametrize("role", [True, False])
def test_texts_as_symbols_and_columns(text, role):
    table = pa.table({"x": arrow(text, TEXTS * 30), "n": range(len(TEXTS) * 30)})
    given = [{"x": value, "n": at} for at, value in enumerate(TEXTS * 30)]
    expected = rows(given, symbols=["x"] if role else [])
    assert written(table, symbols=role) == expected
    assert written(table, symbols=["x"] if role else []) == expected


@pytest.mark.parametrize("codes", ["int8", "uint8", "int32", "uint32", "int64"])
@pytest.mark.parametrize("text", ["string", "large_string", "string_view"])
def test_dictionaries_of_texts_are_symbols(codes, text):
    if text == "string_view":
        entries = pa.array([LONG, "b", None], pa.string_view())
        column = pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1, 2, 0], getattr(pa, codes)()), entries
        )
        values = [LONG, None, "b", None, LONG]
    else:
        column = arrow(f"dictionary(pa.{codes}(), pa.{text}())", TEXTS)
        values = TEXTS
    table = pa.table({"n": range(5), "x": column})
    given = [{"n": at, "x": value} for at, value in enumerate(values)]
    assert written(table) == rows(given, symbols=["x"])
    assert written(table, symbols=False) == rows(given)
    assert written(table[2:]) == rows(given[2:], symbols=["x"])


@pytest.mark.parametrize(
    ("unit", "count", "expected"),
    [
        ("s", 3, "3000000t"),
        ("ms", -3, "-3000t"),
        ("us", 3, "3t"),
        ("ns", 3, "3n"),
    ],
)
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_timestamps(unit, count, expected, zone):
    column = pa.array([count, None], pa.timestamp(unit, zone))
    table = pa.table({"x": column, "n": [1, 2]})
    assert written(table) == f"t x={expected},n=1i\nt n=2i\n".encode()
    if count > 0:
        assert written(table[:1], at="x") == f"t n=1i {expected}\n".encode()
        cut = expected if expected != "3n" else "0t"
        assert written(table[:1], version=1) == f"t x={cut},n=1i\n".encode()


def test_an_empty_list_has_all_its_dimensions():
    table = pa.table({"x": pa.array([[]], pa.list_(pa.list_(pa.float64())))})
    assert written(table) == b"t x==\x0e\x0a\x02\0\0\0\0\0\0\0\0\n"


def test_a_null_in_a_list_is_nan():
    table = pa.table({"x": pa.array([[1.0, None]])})
    nan = struct.pack("<dd", 1, float("nan"))
    assert written(table) == b"t x==\x0e\x0a\x01\x02\0\0\0" + nan + b"\n"
    assert "strict=True" in refused(table, strict=True)


def test_the_least_count_of_arrow_is_a_moment():
    table = pa.table({"x": pa.array([-(2**63)], pa.timestamp("us"))})
    assert written(table) == b"t x=-9223372036854775808t\n"
    assert "strict=True" in refused(table, strict=True)


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (["duration('s')", [1]], "cast it to int64"),
        (["time32('s')", [1]], "cast it to text"),
        (["time64('us')", [1]], "cast it to text"),
        (["struct([('a', pa.int8())])", [{"a": 1}]], "write its fields as columns"),
        (["map_(pa.string(), pa.int8())", [[]]], "write its entries as columns"),
        (["binary()", [b"x"]], "decode it to text"),
        (["binary(2)", [b"xy"]], "cast it to text"),
        (["list_(pa.string())", [["a"]]], "a list of what is no number"),
        (["list_(pa.bool_())", [[True]]], "a list of what is no number"),
        (["list_view(pa.int8())", [[1]]], "cast it to a list"),
        (["bool8()", [1]], "the extension type arrow.bool8 cannot be written"),
        (["decimal32(5, 2)", [Decimal("1.25")]], "cast it to decimal128"),
        (["decimal64(5, 2)", [Decimal("1.25")]], "cast it to decimal128"),
        (["uuid()", [b"0" * 16]], "the extension type arrow.uuid cannot be written"),
    ],
)
def test_what_cannot_be_written(array, complaint):
    table = pa.table({"x": arrow(*array)})
    found = refused(table)
    assert found.startswith("RowError: column 'x': ")
    assert complaint in found
    assert refused(table[:0]) == found  # though there is no row


@pytest.mark.parametrize(
    "values", [[[[1.0], [2.0, 3.0]]], [[[1.0], None]], [[[2**53 + 1]]]]
)
def test_lists_that_are_no_arrays(values):
    assert "column 'x': row 0: " in refused(pa.table({"x": values}))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
@pytest.mark.parametrize(
    "bad",
    [
        *(b"\xff", b"a" * 20 + b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80"),
        *(b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"\xe0\x80\x80", b"\xe2\x82"),
        *(b"\xf8\x88\x80\x80\x80", b"12345678\xe2\x82", b"\xc3("),
    ],
)
@pytest.mark.parametrize("symbols", [True, False])
def test_what_says_to_be_utf8_and_is_not(kind, bad, symbols):
    binary = {"string": "binary", "large_string": "large_binary"}.get(kind)
    values = [b"a", None, bad, b"b"]
    if binary is None:
        column = pa.array(values, pa.binary_view()).view(pa.string_view())
    else:
        column = arrow(binary, values).view(arrow(kind, []).type)
    table = pa.table({"n": range(4), "x": column})
    complaint = refused(table, symbols=symbols)
    assert complaint.startswith(
        "RowError: table 't', column 'x': row 2: the text is no UTF-8"
    )
    assert refused(table[2:], symbols=symbols) == complaint.replace("row 2", "row 0")
    coded = pa.table(
        {"n": range(4), "x": column.dictionary_encode()} if binary else {"n": [1]}
    )
    if binary:
        assert refused(coded, symbols=symbols) == complaint


def test_characters_at_every_limit_of_utf8():
    texts = ["\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff"]
    texts += ["\U00010000", "\U0010ffff", "\0", "x" * 7 + "é", "x" * 8 + "=", "=" * 99]
    table = pa.table({"x": texts})
    given = [{"x": text} for text in texts]
    assert written(table) == rows(given)
    texts.remove("\0")  # no symbol can have it
    table = pa.table({"x": texts, "y": texts})
    given = [{"x": text, "y": text} for text in texts]
    assert written(table, symbols=["y"]) == rows(given, symbols=["y"])


@pytest.mark.parametrize("text", ["\0", "abcdefgh\0", "a\0bcdefghij"])
def test_a_symbol_with_nul_is_refused(text):
    table = pa.table({"x": ["fine", text]})
    found = refused(table, symbols=["x"])
    assert "column 'x': row 1: " in found
    assert "U+0000" in found
    assert written(table, symbols=False)


def test_a_damaged_frame_is_refused():
    bad = pa.DictionaryArray.from_arrays(
        pa.array([0, 9], pa.int8()), pa.array(["a"]), safe=False
    )
    found = refused(pa.table({"x": bad, "y": [1, 2]}))
    assert "column 'x': row 1: its code has no entry" in found


def test_one_column_is_no_frame():
    assert "is one column and no frame" in refused(pa.chunked_array([[1]]))


def test_an_array_of_structs_is_a_frame():
    array = pa.array([{"a": 1, "b": "x"}, {"a": 2, "b": None}])
    assert written(array) == b't a=1i,b="x"\nt a=2i\n'
    assert written(array[1:]) == b"t a=2i\n"
    assert "rows of the frame are null" in refused(pa.array([{"a": 1}, None]))


def test_duckdb():
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    relation = duckdb.sql(
        "select * from (values (1, 'a'::enum('a', 'b'), 1.5::decimal(9, 2), 'x', "
        "timestamp_ns '2020-01-01 00:00:00.123456789', [1.0::double]), "
        "(2, null, null, null, null, null)) v(n, e, d, s, t, l)"
    )
    given = [
        {"e": "a", "n": 1, "d": Decimal("1.50"), "s": "x", "t": None, "l": [1.0]},
        {"n": 2},
    ]
    expected = rows(given, symbols=["e"]).replace(
        b",l=", b",t=1577836800123456789n,l=", 1
    )
    assert written(relation) == expected


def test_who_has_an_array_alone():
    class Alone:
        def __init__(self, batch):
            self.__arrow_c_array__ = batch.__arrow_c_array__

    batch = pa.record_batch({"x": [1, None]})
    assert "row 1: a row needs" in refused(Alone(batch))
    assert written(Alone(batch[:1])) == b"t x=1i\n"


def test_the_interchange_protocol_is_the_last_resort():
    class Interchanged:
        def __init__(self, table):
            self.table = table

        def __dataframe__(self, *args, **kwargs):
            return self.table.__dataframe__(*args, **kwargs)

    table = pa.table({"x": [1, 2], "s": ["a", None]})
    assert written(Interchanged(table)) == b't x=1i,s="a"\nt x=2i\n'

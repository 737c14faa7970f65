"""The buffer: rows in any of three ways, and nothing left of those that are refused."""

from __future__ import annotations

import pickle
import struct
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moorline.errors import BufferFull, ConfigError, MoorlineError, RowError
from moorline.questdb.buffer import Buffer
from moorline.questdb.timestamps import (
    ServerTimestamp,
    TimestampMicros,
    TimestampNanos,
)

AT = TimestampNanos(1)


@pytest.fixture
def buffer():
    """Return a buffer with one row."""
    return Buffer().row("t", columns={"x": 1}, at=AT)


ROW = b"t x=1i 1n\n"


def test_the_readme_row():
    buffer = Buffer()
    buffer.table("trades").symbol("symbol", "BTC-USDT").symbol("side", "buy").column(
        "price", 37779.62
    ).column("amount", 0.5).at(TimestampNanos(1_700_000_000_000_000_000))
    assert bytes(buffer) == (
        b"trades,symbol=BTC-USDT,side=buy price==\x10%b,amount==\x10%b "
        b"1700000000000000000n\n"
        % (struct.pack("<d", 37779.62), struct.pack("<d", 0.5))
    )
    assert len(buffer) == len(bytes(buffer))
    assert buffer.row_count == 1


def test_every_call_returns_the_buffer():
    buffer = Buffer(protocol_version=3)
    row = buffer.table("t").symbol("s", "x").column("a", 1).column_f64("b", 2)
    row = row.column_i64("c", 3).column_str("d", "y").column_bool("e", value=True)
    row = row.column_ts("f", TimestampMicros(4)).column_dec("g", Decimal(5))
    assert row.column_arr("h", [6.0]).at_now() is buffer
    assert buffer.row("t", columns={"x": 1}, at=None) is buffer
    assert buffer.rows("t", [(1,)], {"x": "i64"}) is buffer
    assert buffer.row_count == 3


def test_absent_values_are_left_out():
    buffer = Buffer()
    buffer.row("t", symbols={"a": None, "b": "x"}, columns={"c": None, "d": 1}, at=AT)
    buffer.row("t", symbols={"b": "x"}, columns={"c": None}, at=AT)
    buffer.row("t", symbols={"b": None}, columns={"c": 1}, at=AT)
    (
        buffer.table("t")
        .symbol("a", None)
        .symbol("b", "x")
        .column("c", None)
        .column_f64("d", None)
        .at(AT)
    )
    assert bytes(buffer) == b"t,b=x d=1i 1n\nt,b=x 1n\nt c=1i 1n\nt,b=x 1n\n"


def test_an_absent_column_may_stand_before_a_symbol(buffer):
    buffer.table("t").column("c", None).symbol("s", "x").at(AT)
    assert bytes(buffer) == ROW + b"t,s=x 1n\n"


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.row("t", at=AT),
        lambda b: b.row("t", symbols={}, columns={}, at=AT),
        lambda b: b.row("t", symbols={"a": None}, columns={"b": None}, at=AT),
        lambda b: b.rows("t", [(1,), (None,)], {"x": "i64"}),
        lambda b: b.table("t").at(AT),
        lambda b: b.table("t").column("a", None).at_now(),
    ],
)
def test_a_row_without_values_is_refused_and_not_dropped_silently(buffer, write):
    with pytest.raises(RowError, match="at least one symbol or column"):
        write(buffer)
    assert bytes(buffer) == ROW


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.row("t", symbols={"a": "x"}, columns={"a": 1}, at=AT),
        lambda b: b.rows("t", [("x", 1)], {"A": "symbol", "a": "i64"}),
        lambda b: b.table("t").symbol("a", "x").symbol("a", "y"),
        lambda b: b.table("t").symbol("a", "x").column("a", 1),
        lambda b: b.table("t").column("a", 1).column("a", 1),
        lambda b: b.table("t").column("a", 1).column("A", 1),
        lambda b: b.row("t", symbols={"É": "x"}, columns={"é": 1}, at=AT),
        lambda b: b.row("t", columns={"a": 1, "A": 1}, at=AT),
        lambda b: b.row("t", symbols={"a": "x", "A": "y"}, at=AT),
    ],
)
def test_strict_refuses_names_that_are_one_to_the_server(write):
    buffer = Buffer(strict=True).row("t", columns={"x": 1}, at=AT)
    with pytest.raises(RowError, match=r"two columns|are one to the server"):
        write(buffer)
    assert bytes(buffer) == ROW


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.row("t", symbols={"a": "x"}, columns={"a": 1}, at=AT),
        lambda b: b.table("t").symbol("a", "x").symbol("a", "y"),
        lambda b: b.table("t").symbol("a", "x").column("a", 1),
        lambda b: b.table("t").column("a", 1).column("a", 1),
    ],
)
def test_two_columns_of_one_name_are_always_refused(buffer, write):
    with pytest.raises(RowError, match="there are two columns 'a'"):
        write(buffer)
    assert bytes(buffer) == ROW


def test_names_in_two_cases_are_written_unless_strict(buffer):
    buffer.row("t", columns={"a": 1, "A": 2}, at=None)
    buffer.table("t").column("a", 1).column("A", 2).at_now()
    assert bytes(buffer) == ROW + b"t a=1i,A=2i\n" * 2


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda b: b.at(AT), r"at\(\) without a row: begin one with table\(\)"),
        (lambda b: b.at_now(), r"at\(\) without a row"),
        (lambda b: b.symbol("a", "x"), r"symbol\(\) without a row"),
        (lambda b: b.column("a", 1), r"column\(\) without a row"),
        (lambda b: b.column_i64("a", 1), r"column\(\) without a row"),
        (
            lambda b: b.table("u").column("a", 1).symbol("b", "x"),
            "table 'u', column 'b': a symbol behind a column",
        ),
    ],
)
def test_calls_in_a_wrong_order(buffer, write, said):
    with pytest.raises(RowError, match=said):
        write(buffer)
    assert bytes(buffer) == ROW
    buffer.row("t", columns={"x": 1}, at=AT)
    assert bytes(buffer) == ROW * 2


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.table("u"),
        lambda b: b.row("u", columns={"x": 1}, at=AT),
        lambda b: b.rows("u", [(1,)], {"x": "i64"}),
        lambda b: b.check_finished(),
        lambda b: b.mark(),
    ],
)
def test_nothing_comes_between_a_row_and_its_end(buffer, write):
    buffer.table("t").column("x", 1)
    with pytest.raises(RowError, match="table 't': a row is begun and not finished"):
        write(buffer)
    assert bytes(buffer) == ROW  # which is all that is finished
    buffer.at(AT)
    assert bytes(buffer) == ROW * 2


def test_a_row_can_be_dropped(buffer):
    buffer.table("t").column("x", 2).cancel_row()
    buffer.cancel_row()
    buffer.table("t").column("x", 1).at(AT)
    assert bytes(buffer) == ROW * 2


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.row("t", symbols={"a": "x"}, columns={"y": 1, "z": b""}, at=AT),
        lambda b: b.row("t", symbols={"a": "x", "b": 1}, at=AT),
        lambda b: b.row("t", columns={"y": 1}, at=TimestampNanos(-1)),
        lambda b: b.row("t", columns={"y": 1}, at=1),
        lambda b: b.row("t", columns={"y": 1, "z.": 1}, at=AT),
        lambda b: b.rows("t", [(1,), (2,), ("x",)], {"y": "i64"}),
        lambda b: b.rows("t", [(1,), (2, 3)], {"y": "i64"}),
        lambda b: b.table("t").symbol("a", "x").column("y", b""),
        lambda b: b.table("t").column("y", 1).at(TimestampNanos(-1)),
    ],
)
def test_a_row_that_fails_leaves_the_buffer_as_it_was(buffer, write):
    with pytest.raises(RowError):
        write(buffer)
    assert bytes(buffer) == ROW
    assert buffer.row_count == 1
    buffer.table("t").column("x", 1).at(AT)
    assert bytes(buffer) == ROW * 2


def test_errors_that_are_not_ours_leave_the_buffer_as_it_was(buffer):
    class Broken(dict):
        def items(self):
            yield "a", 1
            raise KeyboardInterrupt

    def rows():
        yield (1,)
        raise OSError("gone")

    with pytest.raises(KeyboardInterrupt):
        buffer.row("t", columns=Broken(a=1), at=AT)
    with pytest.raises(OSError, match="gone"):
        buffer.rows("t", rows(), {"x": "i64"})
    assert bytes(buffer) == ROW


def test_errors_say_where_they_are(buffer):
    with pytest.raises(RowError, match=r"^table 'u', column 'b': .* decode it$"):
        buffer.row("u", columns={"a": 1, "b": b""}, at=AT)
    with pytest.raises(RowError, match=r"^table 'u', column 'b': .* decode it$"):
        buffer.table("u").column("b", b"")
    with pytest.raises(RowError, match=r"^table 'u', column 'b': row 1: .* decode it$"):
        buffer.rows("u", [(1, 2), (1, b"")], {"a": "any", "b": "any"})
    with pytest.raises(RowError, match=r"^table 'u': at=.* before 1970"):
        buffer.row("u", columns={"a": 1}, at=TimestampMicros(-1))


def test_what_is_raised_is_a_value_error_of_ours():
    assert issubclass(RowError, ValueError)
    assert issubclass(RowError, MoorlineError)
    assert issubclass(BufferFull, RowError)
    assert isinstance(pickle.loads(pickle.dumps(BufferFull("x"))), BufferFull)  # noqa: S301


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.row("t", columns={"x": "y" * 1010}, at=AT),
        lambda b: b.rows("t", [("y" * 505,), ("y" * 505,)], {"x": "str"}),
        lambda b: b.table("t").column("x", "y" * 1010).at(AT),
        lambda b: b.reserve(1024 - len(ROW) + 1),
    ],
)
def test_a_full_buffer_takes_no_more(write):
    buffer = Buffer(max_buf_size=1024).row("t", columns={"x": 1}, at=AT)
    with pytest.raises(BufferFull, match="max_buf_size=1024 allows"):
        write(buffer)
    assert bytes(buffer) == ROW
    buffer.reserve(1024 - len(ROW))


def test_a_buffer_can_be_filled_to_the_last_byte():
    buffer = Buffer(max_buf_size=1024)
    buffer.row("t", columns={"x": "y" * (1024 - len(b't x=""\n'))}, at=None)
    assert len(buffer) == 1024


def test_clearing_and_rewinding(buffer):
    mark = buffer.mark()
    buffer.row("t", columns={"x": 2}, at=AT).table("t").column("x", 3)
    buffer.rewind(mark)
    assert bytes(buffer) == ROW
    assert buffer.row_count == 1
    buffer.table("u")
    buffer.clear()
    assert bytes(buffer) == b""
    assert len(buffer) == buffer.row_count == 0
    buffer.row("t", columns={"x": 1}, at=AT)
    assert bytes(buffer) == ROW


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protocol_version": 4}, "protocol_version=4: write 1, 2 or 3"),
        ({"protocol_version": "2"}, "protocol_version='2': write 1, 2 or 3"),
        ({"init_buf_size": 1023}, "init_buf_size=1023: write 1024 or more"),
        ({"max_buf_size": 1023}, "max_buf_size=1023: write 1024 or more"),
    ],
)
def test_options_out_of_range(options, said):
    with pytest.raises(ConfigError, match=said):
        Buffer(**options)


def test_what_a_buffer_says_of_itself(buffer):
    assert repr(buffer) == "<Buffer: 1 rows, 10 bytes, protocol_version=2>"
    assert (buffer.protocol_version, buffer.max_name_len) == (2, 127)
    assert (buffer.init_buf_size, buffer.max_buf_size) == (65_536, 104_857_600)
    assert buffer.strict is False


@pytest.mark.parametrize(
    ("call", "good", "bad"),
    [
        ("column_f64", [1.5, 2, None], [True, "1", 2**53 + 1, Decimal(1), [1.0]]),
        ("column_i64", [2, None], [True, 1.5, "1", TimestampMicros(1)]),
        ("column_str", ["x", None], [1, b"x"]),
        ("column_bool", [True, None], [1, "t"]),
        ("column_ts", [AT, datetime(2020, 1, 1, tzinfo=UTC), None], [1, 1.5, "now"]),
        ("column_dec", [Decimal(1), None], [1, 1.5, "1"]),
        ("column_arr", [[1.0], (1,), None], [1.0, "x", b""]),
    ],
)
def test_typed_columns_take_their_type_alone(call, good, bad):
    for value in good:
        buffer = Buffer(protocol_version=3).table("t").column("y", value=True)
        getattr(buffer, call)("x", value).at_now()
    for value in bad:
        buffer = Buffer(protocol_version=3).table("t")
        with pytest.raises(RowError, match="column 'x'"):
            getattr(buffer, call)("x", value)


def test_timestamps_are_values():
    assert TimestampNanos(5) == TimestampNanos(5)
    assert TimestampNanos(5) != TimestampMicros(5)
    assert TimestampNanos(5) != 5
    assert len({TimestampNanos(5), TimestampNanos(5), TimestampMicros(5)}) == 2
    assert repr(TimestampMicros(5)) == "TimestampMicros(5)"
    assert repr(ServerTimestamp) == "ServerTimestamp"
    moment = datetime(2020, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
    assert TimestampMicros.from_datetime(moment).value == 1_577_836_800_000_007
    assert TimestampNanos.from_datetime(moment).value == 1_577_836_800_000_007_000
    assert TimestampNanos.now().value // 10**12 >= TimestampMicros(1).value
    for wrong in (1.5, "1", None, True):
        with pytest.raises(TypeError, match="write a whole number"):
            TimestampNanos(wrong)

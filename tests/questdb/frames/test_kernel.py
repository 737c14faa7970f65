"""The kernel writes what Python writes: frames of every layout, made at random."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorline.errors import RowError
from moorline.questdb import frames
from moorline.questdb.encoding import Encoding
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos
from tests.questdb.frames.writing import both, compiled, implementation, need_kernel

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
np = pytest.importorskip("numpy", reason="NumPy is not installed")

TEXTS = st.text(
    st.sampled_from('ab =,\\"\n\r\0\x7fé€\U0001f600') | st.characters(codec="utf-8"),
    max_size=40,
)
SOME = st.none() | TEXTS
WHOLE = {
    f"{sign}int{bits}": st.integers(
        0 if sign else -(2 ** (bits - 1)), 2 ** (bits - (not sign)) - 1
    )
    for bits in (8, 16, 32, 64)
    for sign in ("", "u")
}
COUNTS = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 2**62) | st.just(-(2**63))
MOMENTS = {f"timestamp('{unit}')": COUNTS for unit in ("s", "ms", "us", "ns")} | {
    "date32()": st.integers(-(2**31), 2**31 - 1),
    "date64()": COUNTS,
}
VALUES = {
    **{f"{name}()": values for name, values in WHOLE.items()},
    **MOMENTS,
    "float32()": st.floats(width=32),
    "float64()": st.floats(),
    "float16()": st.floats(width=16),
    "bool_()": st.booleans(),
    "string()": TEXTS,
    "large_string()": TEXTS,
    "string_view()": TEXTS,
    "dictionary(pa.int8(), pa.string())": TEXTS,
    "dictionary(pa.uint16(), pa.large_string())": TEXTS,
    "dictionary(pa.int64(), pa.int32())": WHOLE["int32"],
    "dictionary(pa.int32(), pa.float64())": st.floats(),
    "decimal128(20, 3)": st.decimals(-(10**9), 10**9, places=3),
    "list_(pa.float64())": st.lists(st.none() | st.floats(), max_size=3),
    "list_(pa.list_(pa.int64()))": st.lists(
        st.lists(st.integers(-9, 9), min_size=1, max_size=1), max_size=3
    ),
    "null()": st.none(),
}
TYPES = {name: eval(f"pa.{name}", {"pa": pa}) for name in VALUES}  # noqa: S307 - our own table
OBJECTS = (
    SOME
    | st.integers(-(2**64), 2**64)
    | st.booleans()
    | st.floats()
    | st.decimals(allow_nan=True, min_value=-(10**9), max_value=10**9, places=2)
    | st.builds(TimestampNanos, COUNTS)
    | st.builds(TimestampMicros, COUNTS)
    | st.datetimes(timezones=st.just(UTC))
    | st.sampled_from([b"x", "\ud800", np.float32(0.1), np.datetime64("NaT"), [1.0]])
)


@st.composite
def columns(draw, rows):
    """A column of a table of so many rows, perhaps a part of a longer one."""
    name = draw(st.sampled_from(sorted(VALUES)))
    before = draw(st.integers(0, 9))
    after = draw(st.integers(0, 3))
    values = draw(
        st.lists(
            VALUES[name] if draw(st.booleans()) else st.none() | VALUES[name],
            min_size=before + rows + after,
            max_size=before + rows + after,
        )
    )
    if name in MOMENTS:
        whole = pa.int32() if name == "date32()" else pa.int64()
        array = pa.array(values, whole).view(TYPES[name])
    else:
        array = pa.array(values, TYPES[name])
    return array.slice(before, rows)


NAMES = st.text("abcXYZ é=.", min_size=1, max_size=6)


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=draw(st.booleans())))
    made = [draw(columns(rows)) for _ in names]
    return pa.table(made, names=names)


@st.composite
def options(draw, count):
    places = st.integers(0, count - 1)
    found = {
        "version": draw(st.sampled_from([1, 2, 3])),
        "strict": draw(st.booleans()),
        "step": draw(st.none() | st.integers(1, 5)),
        "symbols": draw(
            st.sampled_from(["auto", True, False]) | st.lists(places, max_size=2)
        ),
        "at": draw(st.none() | places | st.builds(TimestampMicros, st.integers(-1, 9))),
    }
    if draw(st.integers(0, 3)) == 0:
        found["table_name_col"] = draw(places)
    return found


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_tables_of_arrow(data):
    need_kernel()
    table = data.draw(tables())
    both(lambda: table, **data.draw(options(table.num_columns)))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_objects(data):
    need_kernel()
    count = data.draw(st.integers(1, 4))
    rows = data.draw(st.integers(1, 6))
    cells = OBJECTS if data.draw(st.booleans()) else SOME
    frame = {
        f"c{number}": data.draw(st.lists(cells, min_size=rows, max_size=rows))
        for number in range(count)
    }
    both(lambda: frame, **data.draw(options(count)))


@settings(max_examples=200)
@given(st.data())
def test_arrays_of_numpy(data):
    need_kernel()
    rows = data.draw(st.integers(1, 8))
    dtypes = ["i1", ">i2", "i4", ">i8", "u1", "u4", "u8", "f2", "f4", ">f8", "?"]
    dtypes += ["M8[ns]", ">M8[us]", "M8[D]", "M8[7s]"]
    frame = {}
    for number in range(data.draw(st.integers(1, 5))):
        dtype = np.dtype(data.draw(st.sampled_from(dtypes)))
        size = rows * dtype.itemsize
        raw = data.draw(st.binary(min_size=size, max_size=size))
        if dtype.kind == "b":
            raw = bytes(byte & 1 for byte in raw)
        array = np.frombuffer(raw, dtype)
        if data.draw(st.booleans()):
            mask = data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
            array = np.ma.array(array, mask=mask)
        frame[f"c{number}"] = array
    both(lambda: frame, **data.draw(options(len(frame))))


def test_doubles_as_text():
    """Of protocol version 1: random bits, powers and their neighbours, short ones."""
    need_kernel()
    dice = np.random.default_rng()
    powers = [s * 10.0**p for p in range(-323, 309) for s in (1, -1, 9.5)]
    powers += [2.0**p for p in range(-1074, 1024)]
    values = np.concatenate(
        [
            np.frombuffer(dice.bytes(8 * 20_000), "f8"),
            np.nextafter(powers, np.inf),
            np.nextafter(powers, -np.inf),
            powers,
            dice.integers(0, 10**17, 20_000) / 10.0 ** dice.integers(0, 20, 20_000),
            np.float64([0.0, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1, 1e22]),
            np.arange(-50, 50) * 1e15 / 3,
        ]
    )
    both(lambda: {"x": values}, version=1)
    narrow = np.frombuffer(dice.bytes(4 * 20_000), "f4")
    both(lambda: {"x": narrow}, version=1)


def test_rows_longer_than_all_before_find_room():
    need_kernel()
    texts = ["", "x" * 100_000, "é" * 300_000, "=" * 70_000, *["ab"] * 5000]
    table = pa.table({"s": texts, "t": texts[::-1], "n": range(len(texts))})
    both(lambda: table, symbols=["s"])
    coded = table.set_column(0, "s", table["s"].dictionary_encode())
    both(lambda: coded)
    both(table.to_pydict)


def test_a_store_is_appended_to():
    need_kernel()
    with implementation("c") as store:
        store.extend(b"before ")
        table = pa.table({"x": [1, 2, 3]})
        (chunk,) = frames.read(Encoding(), table, table="t")
        chunk.encode(1, 2, store)
        chunk.encode(0, 0, store)
        assert bytes(store) == b"before t x=2i\n"


def test_a_store_that_is_looked_at_is_not_written_to():
    need_kernel()
    with implementation("c") as store:
        (chunk,) = frames.read(Encoding(), {"x": [1]}, table="t")
        with memoryview(store), pytest.raises(BufferError):
            chunk.encode(0, 1, store)


def test_threads_write_at_the_same_time():
    """One thread writes rows while the other holds the GIL, and never gives it up."""
    need_kernel()
    count = 300_000
    table = pa.table(
        {"x": np.arange(count), "y": np.random.default_rng(1).random(count)}
    )
    with implementation("c"):
        (chunk,) = frames.read(Encoding(), table, table="t")
    expected = compiled("store").Store()
    chunk.encode(0, count, expected)
    stores = [compiled("store").Store() for _ in range(4)]
    threads = [
        threading.Thread(target=chunk.encode, args=(0, count, store))
        for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {bytes(store) for store in stores} == {bytes(expected)}


def test_who_looks_while_memory_is_moved_sees_whole_rows_or_nothing():
    need_kernel()
    count, step = 400_000, 10_000
    table = pa.table({"x": np.arange(count)})
    with implementation("c"):
        (chunk,) = frames.read(Encoding(), table, table="t")
    expected = compiled("store").Store()
    chunk.encode(0, count, expected)
    store = compiled("store").Store()

    def write():
        for start in range(0, count, step):
            chunk.encode(start, start + step, store)

    thread = threading.Thread(target=write)
    thread.start()
    whole = bytes(expected)
    looks = 0
    while thread.is_alive() or not looks:
        with suppress(BufferError):  # it was being moved
            seen = bytes(store)
            assert whole.startswith(seen)
            looks += 1
    thread.join()
    assert bytes(store) == whole


def test_the_gil_is_released():
    """A thread gets on while rows are written, though nobody has to give way to it."""
    need_kernel()
    count = 2_000_000
    table = pa.table({"x": np.arange(count)})
    with implementation("c"):
        (chunk,) = frames.read(Encoding(), table, table="t")
    store = compiled("store").Store()
    begun = threading.Event()

    def write():
        begun.set()
        chunk.encode(0, count, store)

    thread = threading.Thread(target=write)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread.start()
        begun.wait(10)
        seen = len(store)
        thread.join()
    finally:
        sys.setswitchinterval(before)
    # Had the GIL been held, all rows would have been there at the first look.
    assert seen == 0 < len(store)


def test_references_are_given_back():
    need_kernel()
    value = "a text that is nowhere else"
    frame = {
        "x": [value, Decimal(1), None],
        "y": [datetime(2020, 1, 1, tzinfo=UTC)] * 3,
    }
    before = sys.getrefcount(value)
    with implementation("c") as store:
        for _ in range(5):
            for chunk in frames.read(Encoding(3), frame, table="t"):
                chunk.encode(0, 3, store)
            bad = {**frame, "z": [b"x"] * 3}
            for chunk in frames.read(Encoding(3), bad, table="t"):
                with pytest.raises(RowError):
                    chunk.encode(0, 3, store)
    del chunk, bad
    assert sys.getrefcount(value) == before


def test_the_kernel_is_there_where_it_has_to_be():
    if "CI" in os.environ:
        assert compiled("frames") is not None
    else:
        need_kernel()

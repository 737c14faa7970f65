"""Arrays of NumPy: dicts of them, and arrays whose elements have fields."""

from __future__ import annotations

import pytest

from tests.questdb.frames.writing import refused, rows, written

np = pytest.importorskip("numpy", reason="NumPy is not installed")

NUMBERS = [
    *(("i1", [-128, 127]), ("i2", [-(2**15), 7]), ("i4", [-(2**31), 0])),
    *(("i8", [-(2**63), 2**63 - 1]), ("u1", [0, 255]), ("u2", [0, 2**16 - 1])),
    *(("u4", [0, 2**32 - 1]), ("u8", [0, 2**63 - 1])),
    *(("f2", [1.5, -0.0]), ("f4", [0.1, float("nan")])),
    ("f8", [0.1, float("-inf")]),
    ("?", [True, False]),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("dtype", "values"), NUMBERS)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_numbers_of_any_width_and_byte_order(version, dtype, values, order):
    array = np.array(values, dtype).astype(np.dtype(dtype).newbyteorder(order))
    expected = rows([{"x": value} for value in array], version=version)
    assert written({"x": array}, version=version) == expected


@pytest.mark.parametrize(
    "layout",
    [
        lambda array: array[::2],
        lambda array: array[::-1],
        lambda array: array.reshape(3, 4).T[1],
        lambda array: np.frombuffer(b"x" + array.tobytes(), array.dtype, offset=1),
        lambda array: np.asfortranarray(array.reshape(4, 3))[:, 1],
        lambda array: np.broadcast_to(array[:1], 3),
        lambda array: array[:0],
    ],
)
@pytest.mark.parametrize("dtype", ["i4", "f8", "M8[ns]", "?", ">i2"])
def test_any_memory_layout(layout, dtype):
    array = layout(np.arange(12).astype(dtype))
    assert written({"x": array}) == rows([{"x": value} for value in array])


@pytest.mark.parametrize(
    ("unit", "count"),
    [
        *(("ns", 1), ("us", -1), ("ms", 3), ("s", 7), ("m", 5), ("h", -2)),
        *(("D", 20000), ("W", 100), ("M", 600), ("Y", 50), ("25s", 3), ("ps", 4000)),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_moments_of_any_unit(version, unit, count):
    array = np.array([count, "NaT"], f"M8[{unit}]")
    given = [{"x": array[0], "y": 1}, {"x": None, "y": 2}]
    frame = {"x": array, "y": [1, 2]}
    assert written(frame, version=version) == rows(given, version=version)
    if count > 0:
        expected = rows(given[:1], version=version, at="x")
        frame = {"x": array[:1], "y": [1]}
        assert written(frame, version=version, at="x") == expected


def test_moments_without_a_unit_are_none():
    array = np.array(["NaT", "NaT"], "M8")
    assert written({"x": array, "y": [1, 2]}) == b"t y=1i\nt y=2i\n"


@pytest.mark.parametrize(
    ("unit", "count", "complaint"),
    [
        ("W", 2**62, "does not fit into 64 bits"),
        ("s", 2**63 - 1, "does not fit into 64 bits"),
        ("ps", 1, "finer than nanoseconds"),
    ],
)
def test_moments_out_of_range(unit, count, complaint):
    assert complaint in refused({"x": np.array([count], f"M8[{unit}]")})


def test_masked_values_are_absent():
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert written({"x": masked, "y": [1, 2, 3]}) == (
        b"t x=1i,y=1i\nt y=2i\nt x=3i,y=3i\n"
    )
    assert written({"x": np.ma.array([1.5, 2.5])}) == rows([{"x": 1.5}, {"x": 2.5}])
    assert written({"x": np.ma.masked_all(2, "i4"), "y": [1, 2]}) == (
        b"t y=1i\nt y=2i\n"
    )


def test_texts_and_objects():
    given = [{"u": "é", "o": 1}, {"u": "", "o": "x"}, {"u": 'a"', "o": 2.5}]
    frame = {
        "u": np.array(["é", "", 'a"']),
        "o": np.array([1, "x", 2.5], object),
    }
    assert written(frame) == rows(given)


def test_arrays_in_the_cells():
    array = np.arange(12.0).reshape(2, 2, 3)
    assert written({"x": array}) == rows([{"x": array[0]}, {"x": array[1]}])


def test_fields_of_a_structured_array():
    dtype = [("a", ">i4"), ("b", "?"), ("c", "U3"), ("d", "M8[us]"), ("e", "f8", (2,))]
    array = np.zeros(3, dtype)
    array["a"], array["b"], array["c"] = [1, -2, 3], [1, 0, 1], ["x", "y z", ""]
    array["d"], array["e"] = [1, 2, 3], [[0.5, 1.5]] * 3
    given = [{name: row[name] for name in array.dtype.names} for row in array]
    assert written(array, symbols=["c"]) == rows(given, symbols=["c"])
    assert written(array[::2], at="d") == rows(given[::2], at="d")
    assert written(array.view(np.recarray)) == rows(given)


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.array([1], "m8[s]"), "column 'x': a timedelta cannot be written"),
        (np.array([1j]), "column 'x': a complex number cannot be written"),
        (np.array([b"x"]), "column 'x': bytes cannot be written: decode them"),
        (np.zeros(1, [("a", "i4")]), "column 'x': a record cannot be written"),
        (np.array([1], "g"), "column 'x': an array of float128 cannot be written"),
        (np.array(1), "column 'x': array(1) is one value"),
    ],
)
def test_what_cannot_be_written(array, complaint):
    assert complaint in refused({"x": array})


def test_an_array_without_fields_is_no_frame():
    assert "write a dict of arrays" in refused(np.zeros((2, 2)))
    assert "write a dict of arrays" in refused(np.zeros(2))


def test_unsigned_numbers_beyond_64_bits_are_refused_with_their_row():
    complaint = refused({"x": np.array([1, 2**64 - 1], "u8")})
    assert complaint.startswith("RowError: table 't', column 'x': row 1: 1844674407")

"""Stores and timestamps of either implementation behave alike."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), st.binary(max_size=3000)),
        st.tuples(st.just("truncate"), st.integers(0, 4000)),
        st.tuples(st.just("expect"), st.integers(0, 5000)),
        st.tuples(st.just("clear")),
        st.tuples(st.just("look")),
        st.tuples(st.just("let go")),
    ),
    max_size=12,
)


def do(store, views, what):
    try:
        match what:
            case "extend", data:
                store.extend(data)
            case "truncate", size:
                store.truncate(size)
            case "expect", size:
                store.expect(size)
            case ("clear",):
                store.clear()
            case ("look",):
                views.append(memoryview(store))
            case ("let go",) if views:
                views.pop().release()
    except BufferError as error:
        return str(error), bytes(store), len(store)
    return "", bytes(store), len(store)


@given(steps=STEPS)
def test_stores(both, steps):
    stores = [one.Store() for one in both]
    views = [], []
    for what in steps:
        seen = [do(*pair, what) for pair in zip(stores, views, strict=True)]
        assert seen[0] == seen[1]
        for store, mine in zip(stores, views, strict=True):
            assert all(bytes(view) == bytes(store) for view in mine)
    for view in views[0] + views[1]:
        view.release()


@pytest.mark.parametrize("name", ["TimestampMicros", "TimestampNanos"])
@pytest.mark.parametrize(
    "value", [0, -5, 2**63, 10**30, True, 1.0, "1", None, bytearray(b"1")]
)
def test_timestamps(both, name, value):
    seen = []
    for one in both:
        kind = getattr(one, name)
        try:
            made = kind(value)
        except TypeError as error:
            seen.append(str(error))
            continue
        assert type(made.value) is int
        assert made == kind(value=value)
        assert made != kind(value + 1)
        assert made != value
        assert hash(made) == hash(kind(value))
        assert copy.copy(made) == copy.deepcopy(made) == made
        with pytest.raises(AttributeError):
            made.other = 1
        seen.append((repr(made), made.value))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("arguments", [(), (1, 2)])
@pytest.mark.parametrize("named", [{}, {"values": 1}, {"value": 1, "x": 2}])
def test_wrong_arguments_of_timestamps(both, arguments, named):
    for one in both:
        for name in ("TimestampMicros", "TimestampNanos"):
            with pytest.raises(TypeError):
                getattr(one, name)(*arguments, **named)


def test_timestamps_survive_pickling():
    from moorline.questdb import TimestampMicros, TimestampNanos  # noqa: PLC0415

    for moment in (TimestampMicros(5), TimestampNanos(2**80)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(moment, protocol)) == moment  # noqa: S301


def test_timestamps_of_a_subclass(both):
    for one in both:

        class Mine(one.TimestampNanos):
            def __init__(self, value, note=""):
                super().__init__(value)
                self.note = note

        moment = Mine(5, note="x")
        assert (moment.value, moment.note) == (5, "x")
        assert moment != one.TimestampNanos(5)
        buffer = one.Buffer().row("t", columns={"x": moment}, at=moment)
        assert bytes(buffer) == b"t x=5n 5n\n"

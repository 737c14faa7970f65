"""A store is what a bytearray would be, and lets nobody move what is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.questdb.store import Store

STEP = st.one_of(
    st.tuples(st.just("extend"), st.binary(max_size=3000)),
    st.tuples(st.just("truncate"), st.integers(0, 4000)),
    st.tuples(st.just("expect"), st.integers(0, 5000)),
    st.tuples(st.just("clear")),
)


@given(steps=st.lists(STEP, max_size=12))
def test_any_steps(steps):
    store, expected = Store(), bytearray()
    for name, *arguments in steps:
        getattr(store, name)(*arguments)
        match name:
            case "extend":
                expected += arguments[0]
            case "truncate":
                del expected[arguments[0] :]
            case "clear":
                expected.clear()
        assert bytes(store) == bytes(expected)
        assert len(store) == len(expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.extend(b"x"),
        lambda store: store.truncate(2),
        lambda store: store.clear(),
    ],
)
def test_what_is_looked_at_is_not_moved(change):
    store = Store()
    store.extend(b"some bytes")
    with memoryview(store) as view:
        with pytest.raises(BufferError):
            change(store)
        assert bytes(view) == bytes(store) == b"some bytes"
    change(store)
    assert bytes(store) != b"some bytes"


def test_what_has_no_bytes_is_refused():
    with pytest.raises(TypeError):
        Store().extend("text")

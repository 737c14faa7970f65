"""The kernel's classes are called, and documented, as the originals are."""

from __future__ import annotations

import inspect

import pytest

CLASSES = ["Buffer", "Intake", "TimestampMicros", "TimestampNanos"]


def methods(kind):
    return {
        name: method
        for name in dir(kind)
        if callable(method := getattr(kind, name)) and not name.startswith("__")
    }


def parameters(method):
    return [
        (one.name, one.kind, one.default)
        for one in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize("name", CLASSES)
def test_methods_are_called_and_documented_alike(both, name):
    original, twin = (methods(getattr(one, name)) for one in both)
    assert set(twin) >= set(original) - {"_add", "_column", "begun"}
    for method in set(original) & set(twin):
        if not method.startswith("_"):
            assert twin[method].__doc__ == original[method].__doc__
            assert parameters(twin[method]) == parameters(original[method])


def test_what_was_never_initialised_is_refused(both):
    for one in both:

        class Broken(one.Buffer):
            def __init__(self):
                pass

        for use in (
            lambda: Broken().row("t", columns={"x": 1}, at=None),
            lambda: Broken().table("t").column("x", 1).at_now(),
            lambda: Broken().rows("t", [(1,)], {"x": "i64"}),
            lambda: Broken().symbol("t", "x"),
        ):
            with pytest.raises((AttributeError, TypeError, ValueError)):
                use()

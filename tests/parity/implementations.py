"""Both implementations in one process: the one in force, and the other beside it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import pytest

import moorline
from moorline.questdb import __impl__

PACKAGE = "moorline.questdb"
NAMES = {
    "buffer": ("Buffer",),
    "intake": ("Intake",),
    "store": ("Store",),
    "timestamps": ("TimestampMicros", "TimestampNanos"),
}


def need_kernel():
    """Skip where nobody could compile the kernel; in CI that is a failure."""
    try:
        import_module("moorline._speed.rows")
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the kernel is not built: {error}")


def load(wanted):
    """Return the classes of an implementation."""
    if wanted == __impl__:
        return _classes()
    with _set_aside(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOORLINE_IMPL", wanted)
        found = _classes()
    assert found.name == wanted
    return found


def _classes():
    found = SimpleNamespace(name=import_module(f"{PACKAGE}.impl").__impl__)
    for module, names in NAMES.items():
        for name in names:
            setattr(found, name, getattr(import_module(f"{PACKAGE}.{module}"), name))
    return found


@contextmanager
def _set_aside():
    """Have the package imported afresh in here, and nobody notice outside."""
    kept = {
        name: module
        for name, module in sys.modules.items()
        if name == PACKAGE or name.startswith(f"{PACKAGE}.")
    }
    for name in kept:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [*sys.modules]:
            if name == PACKAGE or name.startswith(f"{PACKAGE}."):
                del sys.modules[name]
        sys.modules.update(kept)
        moorline.questdb = kept[PACKAGE]

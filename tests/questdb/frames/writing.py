"""Writes frames by both implementations, and rows one by one, to be compared."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import import_module

import pytest

from moorline.errors import RowError
from moorline.questdb import frames
from moorline.questdb.buffer import Buffer
from moorline.questdb.encoding import Encoding
from moorline.questdb.frames import kernel


def compiled(name):
    """Return a module of the kernel; `None` where it was not built."""
    try:
        return import_module(f"moorline._speed.{name}")
    except ImportError:
        assert "CI" not in os.environ, "the kernel has to be built where CI runs"
        return None


def need_kernel():
    if compiled("frames") is None:
        pytest.skip("the compiled kernel is not built here")


@contextmanager
def implementation(name):
    before = kernel.FRAMES
    kernel.FRAMES = compiled("frames") if name == "c" else None
    try:
        yield compiled("store").Store() if name == "c" else bytearray()
    finally:
        kernel.FRAMES = before


def encode(name, make, *, version=3, strict=False, step=None, **options):
    """Return the bytes that an implementation writes, or its error.

    `make` returns the frame, since a reader can be read only once. `step` is how many
    rows are written at once; all of a chunk if it is `None`.
    """
    options.setdefault("at", None)
    if "table_name_col" not in options:
        options.setdefault("table", "t")
    encoding = Encoding(version, strict=strict)
    with implementation(name) as store:
        try:
            for chunk in frames.read(encoding, make(), **options):
                for start in range(0, chunk.rows, step or chunk.rows):
                    stop = min(start + (step or chunk.rows), chunk.rows)
                    before = bytes(store)
                    try:
                        chunk.encode(start, stop, store)
                    except RowError:
                        assert bytes(store) == before
                        raise
        except RowError as error:
            return f"{type(error).__name__}: {error}"
        return bytes(store)


def both(make, **options):
    """Return what is written, or the error, which both have to agree on."""
    found = encode("python", make, **options)
    if compiled("frames") is not None:
        assert encode("c", make, **options) == found
    return found


def written(frame, **options):
    found = both(lambda: frame, **options)
    assert isinstance(found, bytes), found
    return found


def refused(frame, **options):
    found = both(lambda: frame, **options)
    assert isinstance(found, str), found
    return found


def rows(given, *, version=3, table="t", symbols=(), at=None):
    """Return what `Buffer.row` writes of dicts; `at` may be one of their keys."""
    buffer = Buffer(protocol_version=version)
    for row in given:
        buffer.row(
            table,
            symbols={name: row[name] for name in row if name in symbols},
            columns={
                name: value
                for name, value in row.items()
                if name not in symbols and not (isinstance(at, str) and name == at)
            },
            at=row[at] if isinstance(at, str) else at,
        )
    return bytes(buffer)

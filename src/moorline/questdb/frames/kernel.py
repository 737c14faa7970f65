"""The compiled kernel for frames: what it is told of the columns of a chunk."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from moorline.errors import RowError
from moorline.questdb.encoding import ByType
from moorline.questdb.frames.columns import (
    Bools,
    Coded,
    Moments,
    Nothing,
    Numbers,
    Objects,
    Texts,
    Views,
    is_absent,
)
from moorline.questdb.impl import KERNEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorline.questdb.encoding import Encoding, Writer
    from moorline.questdb.frames.columns import Column
    from moorline.questdb.frames.layout import Layout, Role
    from moorline.questdb.store import Store

__all__ = ["Kernel", "kernel_of"]

HOME = "moorline._speed.frames"
FRAMES = None if KERNEL is None else import_module(HOME)


class Cell(NamedTuple):
    """A column as the kernel takes it.

    Args:
        kind: What it is: the format of numbers, as in ``struct``, ``F`` and ``D`` for
            floats that are written as text; ``?`` truth values in bytes, ``!`` in
            bits; ``t`` moments of 64 bits, ``T`` of 32; ``s`` texts with offsets of 32
            bits, ``S`` of 64; ``v`` views; ``c`` the numbers of a dictionary; ``o``
            values that Python gives; ``0`` nothing.
        role: What becomes of it.
        name: What it is called, as it is written.
        offset: Where the first row is.
        valid: Which rows have a value.
        bits: Whether that is bits.
        data: The values, or the texts.
        offsets: Where texts begin and end.
        buffers: Where texts are, of views.
        codes: The format of the numbers of a dictionary.
        entries: Its entries as they are written; `None` if absent, `False` if refused.
        factor: How many micro- or nanoseconds a moment counts.
        nanos: Whether it is nanoseconds.
        nat: Whether the least is no moment.
    """

    kind: str
    role: Role = "any"
    name: bytes = b""
    offset: int = 0
    valid: memoryview | None = None
    bits: bool = False
    data: memoryview | None = None
    offsets: memoryview | None = None
    buffers: tuple[memoryview, ...] = ()
    codes: str = "0"
    entries: list[bytes | Literal[False] | None] | None = None
    factor: int = 1
    nanos: bool = False
    nat: bool = False


class Given(NamedTuple):
    """A column whose values Python gives to the kernel.

    Args:
        column: It.
        writers: What writes a value, by its type.
        texts: Whether texts are left to the kernel.
    """

    column: Column
    writers: Mapping[type, Writer]
    texts: bool


class _Rows(Protocol):
    def write(
        self,
        start: int,
        stop: int,
        values: list[tuple[list[object], Mapping[type, Writer], bool]],
        into: Store,
    ) -> int: ...


def kernel_of(
    encoding: Encoding, layout: Layout, columns: Sequence[Column], tables: Column | None
) -> Kernel | None:
    """Return what writes rows of a chunk; `None` if Python is to do it.

    Args:
        encoding: How.
        layout: What becomes of the columns.
        columns: They, in the order of the wire.
        tables: The column of the tables' names, if there is one.
    """
    if FRAMES is None:
        return None
    head = b"" if layout.table is None else encoding.tables[layout.table]
    tail = b"" if layout.timed else layout.end
    made = [] if tables is None else [_cell(encoding, "table", b"", tables)]
    for name, role, column in zip(layout.names, layout.roles, columns, strict=True):
        written = b"" if role == "at" else encoding.fields[name]
        made.append(_cell(encoding, role, written, column))
    rows = FRAMES.Rows(
        [cell for cell, _ in made], head, tail, encoding.version, encoding.strict
    )
    return Kernel(rows, [given for _, given in made if given is not None])


class Kernel:
    """Writes rows of a chunk, without holding the GIL for most of it.

    Args:
        rows: The compiled part.
        given: The columns whose values it does not find by itself.
    """

    __slots__ = ("_given", "_rows")

    def __init__(self, rows: _Rows, given: Sequence[Given]) -> None:
        self._rows = rows
        self._given = given

    def write(self, start: int, stop: int, into: Store) -> int:
        """Append rows, all of them or none.

        Returns:
            The first that cannot be written, and nothing was; `stop` if there is none.
        """
        values = [
            (list(column.values(start, stop)), writers, texts)
            for column, writers, texts in self._given
        ]
        return self._rows.write(start, stop, values, into)


def _cell(
    encoding: Encoding, role: Role, name: bytes, column: Column
) -> tuple[Cell, Given | None]:
    """Return how the kernel takes a column, and what it has to be given."""
    writers = _writers(encoding, role)
    known = _known(encoding, role, writers, column)
    if known is None:
        # What is absent is so among the values.
        texts = isinstance(column, Objects) and role in {"symbol", "any"}
        return Cell("o", role, name), Given(column, writers, texts)
    cell = known._replace(role=role, name=name, offset=column.offset)
    if column.valid is not None:
        cell = cell._replace(valid=column.valid.data, bits=column.valid.bits)
    return cell, None


def _known(  # noqa: PLR0911 - one for each layout
    encoding: Encoding, role: Role, writers: Mapping[type, Writer], column: Column
) -> Cell | None:
    """Return what the kernel has to know of a layout; `None` if it does not know it."""
    match column:
        case Nothing():
            return Cell("0")
        case Bools():
            return Cell("!" if column.bits else "?", data=column.data)
        case Moments():
            return Cell(
                "T" if column.data.format == "i" else "t",
                data=column.data,
                factor=column.factor,
                nanos=column.nanos,
                nat=column.nat,
            )
        case Coded():
            return Cell(
                "c",
                data=column.data,
                codes=column.data.format,
                entries=_entries(writers, column),
            )
        case Numbers():
            kind = column.data.format
            as_text = kind in "fd" and encoding.version == 1
            return Cell(kind.upper() if as_text else kind, data=column.data)
        case Texts() if role != "table":
            kind = "s" if column.offsets.format == "i" else "S"
            return Cell(kind, data=column.data, offsets=column.offsets)
        case Views() if role != "table":
            return Cell("v", data=column.data, buffers=column.buffers)
        case _:
            return None


def _writers(encoding: Encoding, role: Role) -> Mapping[type, Writer]:
    match role:
        case "table":
            return ByType(partial(_table_of, encoding))
        case "symbol":
            return encoding.symbols
        case "at":
            # Absent is what no designated timestamp may be.
            return ByType(partial(_end_of, encoding))
        case _:
            return encoding.columns


def _table_of(encoding: Encoding, kind: type) -> Writer:
    if issubclass(kind, str):
        return encoding.tables.__getitem__
    return lambda _value: None  # absent, which no table's name may be


def _end_of(encoding: Encoding, kind: type) -> Writer:
    if is_absent(kind):
        return lambda _value: None
    return encoding.ends[kind]


def _entries(
    writers: Mapping[type, Writer], column: Coded
) -> list[bytes | Literal[False] | None]:
    """Return the entries of a dictionary as they are written."""
    found: list[bytes | Literal[False] | None] = []
    for value in column.entries.values(0, column.count):
        try:
            found.append(writers[type(value)](value))
        except RowError:
            found.append(False)
    return found

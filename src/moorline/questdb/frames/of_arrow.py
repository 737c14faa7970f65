"""Columns of whatever speaks Arrow's C interface, as nanoarrow reads it."""

from __future__ import annotations

from array import array
from importlib import import_module
from struct import unpack
from typing import TYPE_CHECKING, Any

from moorline.errors import ConfigError, RowError
from moorline.questdb.frames.columns import (
    Bools,
    Coded,
    Decimals,
    Moments,
    Nothing,
    Numbers,
    Texts,
    Validity,
    Views,
    flat,
)
from moorline.questdb.frames.lists import Lists
from moorline.questdb.frames.sources import Field, Part, Piece, Source, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moorline.questdb.frames.columns import (
        Column,
    )
    from moorline.questdb.frames.sources import Pieces
    from moorline.questdb.kinds import Family

__all__ = ["of_column", "of_stream"]

INTEGERS = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
}
FLOATS = {"half_float": "e", "float": "f", "double": "d"}
TEXTS = {"string": "i", "large_string": "q"}
LISTS = {"list": "i", "large_list": "q", "fixed_size_list": ""}
DECIMALS = {"decimal128": 16, "decimal256": 32}
# How many nano- or microseconds, and whether it is nanoseconds.
UNITS = {
    "ns": (1, True),
    "us": (1, False),
    "ms": (1_000, False),
    "s": (1_000_000, False),
}
DAY = 86_400_000_000  # microseconds
FAMILIES: dict[Family, Iterable[str]] = {
    "absent": ("na",),
    "bool": ("bool",),
    "i64": INTEGERS,
    "f64": FLOATS,
    "str": (*TEXTS, "string_view"),
    "ts": ("timestamp", "date32", "date64"),
    "dec": DECIMALS,
    "arr": LISTS,
}
FAMILY_OF: dict[str, Family] = {
    kind: family for family, kinds in FAMILIES.items() for kind in kinds
}
TO_TEXT = "cast it to text, of which the server makes what its column is"
CURES = {
    "duration": "cast it to int64, a whole number of its unit",
    "time32": "cast it to text, or to a whole number",
    "time64": "cast it to text, or to a whole number",
    "struct": "write its fields as columns",
    "map": "write its entries as columns",
    "binary": "decode it to text",
    "large_binary": "decode it to text",
    "binary_view": "decode it to text",
    "fixed_size_binary": TO_TEXT,
    "decimal32": "cast it to decimal128",  # which nanoarrow 0.9 does not give out
    "decimal64": "cast it to decimal128",
    "run_end_encoded": "decode it, or encode it as a dictionary",
    "list_view": "cast it to a list",
    "large_list_view": "cast it to a list",
}
# Types of somebody else's, which are what they are stored as.
TRANSPARENT = {"arrow.json"}


def of_stream(obj: object) -> Source:
    """Return a frame of whatever has ``__arrow_c_stream__`` or ``__arrow_c_array__``.

    Raises:
        ConfigError: nanoarrow is not installed.
        RowError: It is no frame, or one of its columns cannot be written.
    """
    schema, arrays = _opened(obj)
    if schema.format != "+s":
        raise RowError(
            f"{type(obj).__name__} is one column and no frame: write "
            "{name: it}, and other columns beside it"
        )
    fields = [_field(child.name, child) for child in schema.children]
    return Source(fields, _parts(arrays, list(schema.children)))


def of_column(name: object, obj: object) -> Pieces:
    """Return the pieces of a column that speaks Arrow.

    Raises:
        ConfigError: nanoarrow is not installed.
        RowError: It cannot be written.
    """
    schema, arrays = _opened(obj)
    field = _field(name, schema)  # which refuses it if it has to
    if field.family == "absent":  # a view of it is refused to some of polars's
        return [Piece(sum(array.length for array in arrays), Nothing())]
    found = [Piece(one.length, _column(schema, one.view(), 0)) for one in arrays]
    return found or [Piece(0, _empty(schema))]


def _opened(obj: object) -> tuple[Any, Any]:
    """Return a schema and the arrays, of nanoarrow, which is imported only now."""
    try:
        arrow = import_module("nanoarrow")
    except ImportError as error:
        raise ConfigError(
            f"a {type(obj).__name__} is read by nanoarrow, which is not installed: "
            "pip install moorline[arrow]"
        ) from error
    if hasattr(obj, "__arrow_c_stream__"):
        stream = arrow.c_array_stream(obj)
        return stream.get_schema(), stream
    one = arrow.c_array(obj)
    return one.schema, [one]


def _parts(arrays: Any, schemas: list[Any]) -> Iterator[Part]:  # noqa: ANN401 - as above
    for batch in arrays:
        view, rows = batch.view(), batch.length
        if view.null_count:
            raise RowError("rows of the frame are null: drop them before")
        columns = [
            _column(schema, view.child(place), view.offset)
            for place, schema in enumerate(schemas)
        ]
        if rows:
            yield Part(rows, columns)


def _seen(schema: Any) -> Any:  # noqa: ANN401 - as above
    return import_module("nanoarrow.c_schema").c_schema_view(schema)


def _field(name: object, schema: Any) -> Field:  # noqa: ANN401 - as above
    """Return what is known of a column, unless there is no writing it."""
    try:
        seen = _seen(schema)
    except RuntimeError as error:  # nanoarrow's, as for a 128-bit integer of polars
        what = f"a type that Arrow does not have ({schema.format})"
        raise refused(name, what, "cast it") from error
    kind = seen.type
    if seen.extension_name and seen.extension_name not in TRANSPARENT:
        what = f"the extension type {seen.extension_name}"
        raise refused(name, what, f"cast it to {seen.storage_type}, or to text")
    if kind == "dictionary":
        return _field(name, schema.dictionary)._replace(coded=True)
    family = FAMILY_OF.get(kind)
    if family is None:
        raise refused(name, f"the type {kind}", CURES.get(kind, "cast it"))
    if family == "arr":
        items = _field(name, schema.child(0))
        if items.family not in {"i64", "f64", "arr"} or items.coded:
            raise refused(name, "a list of what is no number", "cast it to floats")
    return Field(name, family, coded=False)


def _column(schema: Any, view: Any, shift: int) -> Column:  # noqa: ANN401, PLR0911 - as above; one for each layout
    """Return a column.

    Args:
        schema: Its type, which `_field` has accepted.
        view: Its memory.
        shift: Where its first row is.
    """
    seen = _seen(schema)
    kind = seen.type
    offset = view.offset + shift
    if kind == "na":
        return Nothing()
    bits = flat(view.buffer(0))
    valid = Validity(bits, bits=True) if bits.nbytes and view.null_count else None
    if kind == "dictionary":
        entries = view.dictionary
        return Coded(
            data=flat(view.buffer(1), INTEGERS[seen.storage_type]),
            entries=_column(schema.dictionary, entries, 0),
            count=entries.length,
            offset=offset,
            valid=valid,
        )
    match FAMILY_OF[kind]:
        case "bool":
            data = flat(view.buffer(1))
            return Bools(data=data, bits=True, offset=offset, valid=valid)
        case "i64":
            data = flat(view.buffer(1), INTEGERS[kind])
            return Numbers(data=data, offset=offset, valid=valid)
        case "f64":
            data = _floats(kind, view.buffer(1))
            return Numbers(data=data, offset=offset, valid=valid)
        case "ts":
            return _moments(seen, view, offset, valid)
        case "dec":
            return Decimals(
                data=flat(view.buffer(1)),
                width=DECIMALS[kind],
                scale=seen.decimal_scale,
                offset=offset,
                valid=valid,
            )
        case "arr":
            return _lists(schema, view, offset, valid)
        case _:
            return _texts(kind, view, offset, valid)


def _floats(kind: str, data: object) -> memoryview:
    if kind != "half_float":
        return flat(data, FLOATS[kind])
    halves = flat(data)  # of which memoryview knows nothing
    return memoryview(array("f", unpack(f"={halves.nbytes // 2}e", halves)))


def _moments(seen: Any, view: Any, offset: int, valid: Validity | None) -> Column:  # noqa: ANN401 - as above
    factor, nanos = {
        "date32": (DAY, False),
        "date64": UNITS["ms"],
    }.get(seen.type) or UNITS[seen.time_unit]
    return Moments(
        data=flat(view.buffer(1), "i" if seen.type == "date32" else "q"),
        factor=factor,
        nanos=nanos,
        offset=offset,
        valid=valid,
    )


def _texts(kind: str, view: Any, offset: int, valid: Validity | None) -> Column:  # noqa: ANN401 - as above
    if kind == "string_view":
        last = view.n_buffers - 1  # which holds their sizes
        buffers = tuple(flat(view.buffer(place)) for place in range(2, last))
        data = flat(view.buffer(1))
        return Views(data=data, buffers=buffers, offset=offset, valid=valid)
    return Texts(
        offsets=flat(view.buffer(1), TEXTS[kind]),
        data=flat(view.buffer(2)),
        offset=offset,
        valid=valid,
    )


def _lists(schema: Any, view: Any, offset: int, valid: Validity | None) -> Column:  # noqa: ANN401 - as above
    seen = _seen(schema)
    code = LISTS[seen.type]
    return Lists(
        offsets=flat(view.buffer(1), code) if code else None,
        size=seen.fixed_size if not code else 0,
        items=_column(schema.child(0), view.child(0), 0),
        offset=offset,
        valid=valid,
    )


def _empty(schema: Any) -> Column:  # noqa: ANN401 - as above
    """Return a column of no rows, of a type."""
    empty = import_module("nanoarrow").c_array([], schema)
    return _column(schema, empty.view(), 0)

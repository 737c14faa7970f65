"""Writing rows: what runs once for each row and value.

The compiled kernel writes what is regular by itself, and leaves all else to these, so
that there is one text for each error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from moorline.errors import BufferFull, RowError
from moorline.questdb.text import shown
from moorline.questdb.timestamps import LAST_NANOS, TimestampNanos
from moorline.questdb.values import DOUBLE_MARK, GREATEST, LEAST, pack_double

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from moorline.questdb.encoding import ByType, Encoding
    from moorline.questdb.schema import Plan

__all__ = [
    "append_field",
    "append_rows",
    "placed",
    "refuse_alike",
    "refuse_full",
    "refuse_nothing",
    "refuse_twin",
    "row_of",
]

SPACE = 0x20


def row_of(  # noqa: C901, PLR0912 - calls would cost a tenth of it
    encoding: Encoding,
    table: str,
    symbols: Mapping[str, object] | None,
    columns: Mapping[str, object] | None,
    at: object,
) -> bytes:
    """Return one row.

    Args:
        encoding: How it is written.
        table: The table's name.
        symbols: Texts by name; absent ones are left out.
        columns: Values by name; absent ones are left out.
        at: The designated timestamp; `None` for the server's clock.

    Raises:
        RowError: Something of it cannot be written.
    """
    fields = encoding.fields
    name: str | None = None
    try:
        parts = [encoding.tables[table]]
        add = parts.append
        if symbols:
            texts = encoding.texts
            others = columns or ()
            for name, value in symbols.items():
                if name in others:
                    refuse_twin(name, name)
                if type(value) is str:
                    add(fields[name])
                    add(texts[value])
                elif (said := encoding.symbols[type(value)](value)) is not None:
                    add(fields[name])
                    add(said)
        if columns:
            names: dict[str, bytes] = encoding.firsts
            writers = encoding.columns
            inline = encoding.inline
            for name, value in columns.items():
                kind = type(value)
                if kind is float and inline:
                    add(names[name])
                    add(pack_double(DOUBLE_MARK, value))
                elif kind is int and inline and LEAST <= value <= GREATEST:  # type: ignore[operator]
                    add(names[name])
                    add(b"%di" % value)  # type: ignore[str-format]
                elif (said := writers[kind](value)) is not None:
                    add(names[name])
                    add(said)
                else:
                    continue
                names = fields
        name = None
        if len(parts) == 1:
            refuse_nothing()
        if encoding.strict:
            refuse_alike([*(symbols or ()), *(columns or ())])
        if (
            type(at) is TimestampNanos
            and encoding.inline
            and 0 <= at.value <= LAST_NANOS
        ):
            add(b" %dn\n" % at.value)
        else:
            add(encoding.ends[type(at)](at))
    except RowError as error:
        raise placed(error, table, name) from None
    return b"".join(parts)


def append_rows(
    out: bytearray,
    plan: Plan,
    rows: Iterable[Sequence[object]],
    *,
    size: int,
    most: int,
    number: int = 0,
) -> int:
    """Append rows that are all made alike.

    Args:
        out: Where to; nobody looks at it if this fails.
        plan: What the values of a row are.
        rows: Each has a value for each entry of the plan, in its order.
        size: How many bytes are in the buffer that they are for.
        most: How many bytes it may have.
        number: Of the first row, for errors.

    Returns:
        The number of the row that would be next.

    Raises:
        RowError: One of them cannot be written; the message says which.
        BufferFull: There would be more bytes.
    """
    template, writers, order = plan.template, plan.writers, plan.order
    room = most - size
    values: Sequence[object] = ()
    try:
        for values in rows:
            if len(values) != len(writers):
                _refuse_length(len(values), len(writers))
            said = [
                tables[type(value)](value)
                for tables, value in zip(writers, values, strict=False)
            ]
            try:
                out += template % (tuple(said) if order is None else order(said))
            except TypeError:  # None is no bytes: something is absent
                out += plan.assemble(said)
            if len(out) > room:
                refuse_full(size, len(out), most)
            number += 1
    except RowError as error:
        raise plan.explain(error, number, values) from None
    return number


def append_field(
    out: bytearray,
    encoding: Encoding,
    writers: ByType[bytes | None],
    name: str,
    value: object,
) -> bool:
    """Append a name and a value, or nothing if it is absent.

    Returns:
        Whether there was one.
    """
    said = writers[type(value)](value)
    if said is None:
        return False
    out += encoding.fields[name]
    out += said
    return True


def placed(error: RowError, table: object, name: str | None = None) -> RowError:
    """Return an error that says where it was."""
    column = f", column {shown(name)}" if name is not None else ""
    return type(error)(f"table {shown(table)}{column}: {error}")


def refuse_twin(name: str, other: str) -> None:
    """Refuse a column's name that another one has, perhaps in another case."""
    if name == other:
        raise RowError(f"there are two columns {name!r}: the server would drop one")
    raise RowError(
        f"columns {other!r} and {name!r} are one to the server, which would keep the "
        "first, and strict=True: leave one out"
    )


def refuse_alike(names: Iterable[str]) -> None:
    """Refuse names that are one to the server, which does not know upper case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            refuse_twin(name, other)


def refuse_nothing() -> NoReturn:
    """Refuse a row without any value."""
    raise RowError("a row needs at least one symbol or column that is not None")


def refuse_full(size: int, additional: int, most: int) -> None:
    """Refuse more bytes than there is room for."""
    if size + additional > most:
        raise BufferFull(
            f"there are {size} bytes in the buffer, and with these {additional} there "
            f"would be more than max_buf_size={most} allows: flush it before, or allow "
            "more"
        )


def _refuse_length(found: int, expected: int) -> NoReturn:
    raise RowError(f"it has {found} values, and the schema has {expected}")

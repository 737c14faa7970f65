"""Finding a row in a batch again, to show it: rows of ILP hold binary values.

Only for errors: nothing here is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["row_text", "rows_in"]

LF, QUOTE, BACKSLASH, EQUALS, SPACE = b'\n"\\= '
DOUBLE, ARRAY, DECIMAL = 0x10, 0x0E, 0x17
LONGEST = 500  # characters of a row that are shown


def rows_in(batch: bytes) -> Iterator[bytes]:
    """Yield the rows of a batch, each without its end of line."""
    start = at = 0
    in_columns = quoted = False
    value_at = 0  # where a column's value begins
    while at < len(batch):
        byte = batch[at]
        if byte == BACKSLASH:
            at += 2
        elif byte == QUOTE and (quoted or (in_columns and at == value_at)):
            quoted = not quoted
            at += 1
        elif quoted:
            at += 1
        elif byte == LF:
            yield batch[start:at]
            start = at = at + 1
            in_columns = False
        elif byte == EQUALS and in_columns and batch[at + 1 : at + 2] == b"=":
            at = _behind_binary(batch, at + 2)
        else:
            if byte == EQUALS:
                value_at = at + 1
            in_columns |= byte == SPACE
            at += 1


def row_text(batch: bytes, number: int) -> str:
    """Return a row as text, by its number from 1; "" if there is none."""
    for count, row in enumerate(rows_in(batch), 1):
        if count == number:
            text = row.decode(errors="backslashreplace")
            shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
            return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
    return ""


def _behind_binary(batch: bytes, at: int) -> int:
    """Return where a binary value ends, by its kind and what it says of its length."""
    kind = batch[at]
    if kind == DOUBLE:
        return at + 1 + 8
    if kind == DECIMAL:
        return at + 3 + batch[at + 2]
    assert kind == ARRAY, kind  # noqa: S101 - there are no others
    dimensions = batch[at + 2]
    shape = at + 3
    size = 8
    for number in range(dimensions):
        length = shape + 4 * number
        size *= int.from_bytes(batch[length : length + 4], "little")
    return shape + 4 * dimensions + size

"""Strings on the wire: UTF-8, with a backslash before what would end them.

Source: QuestDB's documentation of the InfluxDB line protocol. Inside quotes the server
takes a raw CR as well, but no raw LF.
"""

from __future__ import annotations

import re
import reprlib

from moorline.errors import RowError

__all__ = ["SymbolValues", "quoted", "shown", "unquoted", "utf8"]

# Longer values are not remembered, nor more than so many.
LONGEST_KEPT = 64
MOST_KEPT = 8192
BREAKS_UNQUOTED = re.compile(rb"[ ,=\n\r\\]")
BREAKS_QUOTED = re.compile(rb'["\n\r\\]')
ESCAPED = rb"\\\g<0>"


def utf8(text: str) -> bytes:
    """Return text as UTF-8.

    Raises:
        RowError: There is half of a surrogate pair in it. The server would store it,
            and then give out JSON that nobody can decode.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RowError(
            f"character {error.start} is half of a surrogate pair "
            f"(U+{ord(text[error.start]):04X}), which UTF-8 cannot hold: decode the "
            'text properly, or replace it: text.encode(errors="replace").decode()'
        ) from None


def unquoted(text: str) -> bytes:
    """Return text as the value of a symbol is written.

    Raises:
        RowError: It cannot be written: there is half of a surrogate pair in it, or NUL,
            which QuestDB 8.2 to 9.3 cannot read in a symbol.
    """
    if "\0" in text:
        raise RowError(
            "a symbol cannot have the character U+0000, at which the server refuses "
            "the whole batch: replace it, or write the text into a string column"
        )
    return BREAKS_UNQUOTED.sub(ESCAPED, utf8(text))


def quoted(text: str) -> bytes:
    """Return text as the value of a string column is written."""
    # Four searches are quicker than one by a pattern.
    if "\\" in text or '"' in text or "\n" in text or "\r" in text:
        return b'"%b"' % BREAKS_QUOTED.sub(ESCAPED, utf8(text))
    return b'"%b"' % utf8(text)


class SymbolValues(dict[str, bytes]):
    """Values of symbols as they are written: symbols repeat, so they are remembered."""

    def __missing__(self, text: str) -> bytes:
        written = unquoted(text)
        if len(text) <= LONGEST_KEPT:
            if len(self) >= MOST_KEPT:
                self.clear()
            self[text] = written
        return written


def shown(value: object) -> str:
    """Return a value for an error message, cut where it is long."""
    try:
        return reprlib.repr(value)
    except Exception:  # noqa: BLE001 - somebody's repr must not hide the error
        return f"<{type(value).__name__}>"

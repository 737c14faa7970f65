"""What a table or a column may be called, and how its name is written.

Source of the rules: QuestDB 9.3.4 refuses what they refuse. Its own limit counts
characters; ours counts bytes of UTF-8, as QuestDB's clients do, because a name becomes
the name of a file.
"""

from __future__ import annotations

import re

from moorline.errors import RowError
from moorline.questdb.text import shown, utf8

__all__ = ["DEFAULT_MAX_LEN", "ColumnNames", "FirstNames", "TableNames"]

DEFAULT_MAX_LEN = 127
# How many names are remembered; then all are forgotten, so that generated names cannot
# fill the memory.
MOST_KEPT = 4096
NEVER = "\0-\x0f\x7f\ufeff?,'\"\\\\/:)(+*%~"
IN_TABLES = re.compile(f"[{NEVER}]")
IN_COLUMNS = re.compile(f"[{NEVER}.\\-]")


class TableNames(dict[str, bytes]):
    """Table names as they are written, made when they are first asked for.

    Args:
        max_len: How many bytes a name may have.

    Raises:
        RowError: A name breaks a rule; it names the rule and the character.
    """

    def __init__(self, max_len: int) -> None:
        super().__init__()
        self.max_len = max_len

    def __missing__(self, name: str) -> bytes:
        written = _checked("table", name, IN_TABLES, self.max_len)
        if name.startswith(".") or name.endswith(".") or ".." in name:
            raise RowError(
                f"table name {shown(name)}: a dot may stand between two other "
                "characters only"
            )
        if name.startswith(" ") or name.endswith(" "):
            raise RowError(
                f"table name {shown(name)}: it must not begin or end with a space"
            )
        return _keep(self, name, written)


class ColumnNames(dict[str, bytes]):
    """Names of columns and symbols as they are written: with a comma and ``=``.

    Args:
        max_len: How many bytes a name may have.

    Raises:
        RowError: A name breaks a rule; it names the rule and the character.
    """

    def __init__(self, max_len: int) -> None:
        super().__init__()
        self.max_len = max_len

    def __missing__(self, name: str) -> bytes:
        written = _checked("column", name, IN_COLUMNS, self.max_len)
        return _keep(self, name, b",%b=" % written)


class FirstNames(dict[str, bytes]):
    """Names of columns as the first one of a row is written: behind a space.

    Args:
        names: The same with a comma.
    """

    def __init__(self, names: ColumnNames) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: str) -> bytes:
        return _keep(self, name, b" " + self._names[name][1:])


def _keep(names: dict[str, bytes], name: str, written: bytes) -> bytes:
    # Not those of a subclass, whose comparison may be anything.
    if type(name) is str:
        if len(names) >= MOST_KEPT:
            names.clear()
        names[name] = written
    return written


def _checked(what: str, name: object, bad: re.Pattern[str], max_len: int) -> bytes:
    if not isinstance(name, str):
        raise RowError(f"{what} name {shown(name)}: write a str")
    if not name:
        raise RowError(f"a {what} name is empty")
    if found := bad.search(name):
        raise RowError(
            f"{what} name {shown(name)}: it must not contain {found[0]!r} "
            f"(U+{ord(found[0]):04X})"
        )
    try:
        written = utf8(name)
    except RowError as error:
        raise RowError(f"{what} name {shown(name)}: {error}") from None
    if len(written) > max_len:
        raise RowError(
            f"{what} name {shown(name)}: it has {len(written)} bytes, and "
            f"max_name_len={max_len} allows no more than {max_len}"
        )
    # The others that would have to be escaped are forbidden.
    return written.replace(b" ", b"\\ ").replace(b"=", b"\\=")

"""Read a node's log: who was let in, and what was asked.

The server writes the line of a connection before the client learns that it is in,
and that of a statement before it runs, so these counts are never behind. (The
counters of pg_stat_database lag up to a second.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SETTINGS", "accepted", "statements", "tail"]

SETTINGS = {
    "log_connections": "on",
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "lc_messages": "C",
}

# One entry: its first line, and continuation lines, which begin with a tab.
_ENTRY = re.compile(
    r"^\d{4}-\d\d-\d\d \S+ UTC \[\d+\] (?:(?P<user>.*?)@\S* )?LOG:  "
    r"(?P<text>.*(?:\n\t.*)*)$",
    re.MULTILINE,
)
_STATEMENT = re.compile(r"(?:statement|execute [^:]*): ")


def accepted(log: Path, besides: str) -> int:
    """Count the connections that were authorized, those of one user excepted."""
    return sum(
        text.startswith("connection authorized: ")
        for user, text in _entries(log)
        if user != besides
    )


def statements(log: Path, besides: str) -> tuple[str, ...]:
    """Return the statements that clients sent, those of one user excepted."""
    found = (
        (_STATEMENT.match(text), text)
        for user, text in _entries(log)
        if user != besides
    )
    return tuple(
        text[match.end() :].replace("\n\t", "\n") for match, text in found if match
    )


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines, for a message."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return "(no log was written)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def _entries(log: Path) -> Iterator[tuple[str | None, str]]:
    for match in _ENTRY.finditer(log.read_text(errors="replace")):
        yield match["user"], match["text"]

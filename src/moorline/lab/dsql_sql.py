"""Tell what a statement is, as far as a front of DSQL must know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.lab.dsql_wire import Startup

__all__ = ["begins", "commits", "does_work", "unlisted", "unsettable"]

# What may be set at the start and with SET, says AWS (userguide/accessing.html).
_PARAMETERS = frozenset(
    """
    application_name client_encoding datestyle disable_sync_create_index
    dsql.enable_batched_nestloop enable_bitmapscan enable_hashjoin
    enable_indexonlyscan enable_indexscan enable_material enable_mergejoin
    enable_nestloop enable_seqscan extra_float_digits intervalstyle search_path
    timezone
    """.split()  # noqa: SIM905 - a list of words reads better than fifty literals
)
# What PostgreSQL says shorter than SET parameter.
_SYNONYMS = {
    "time": "timezone",
    "names": "client_encoding",
    "schema": "search_path",
    "authorization": "session_authorization",
}
_NO_PARAMETERS = frozenset({"transaction", "characteristics", "constraints"})
# White space and comments; possessive, so that no text takes long.
_SPACE = r"(?:\s|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)"
_FIRST_WORD = re.compile(rf"{_SPACE}*+(\w+)")
_ENDING = re.compile(
    rf"(?:{_SPACE}|;|\b(?:work|transaction|and|no|chain)\b)*+", re.IGNORECASE
)
_SET = re.compile(
    rf"{_SPACE}*+set{_SPACE}++(?:(session|local){_SPACE}++)?(\"[^\"]+\"|[\w.]+)",
    re.IGNORECASE,
)


def begins(sql: str) -> bool:
    """Tell whether it opens a transaction."""
    return _first_word(sql) in {"begin", "start"}


def commits(sql: str) -> bool:
    """Tell whether it is COMMIT or END, alone; one among others is not found."""
    first = _FIRST_WORD.match(sql)
    return (
        first is not None
        and first[1].lower() in {"commit", "end"}
        and _ENDING.fullmatch(sql, first.end()) is not None
    )


def does_work(sql: str) -> bool:
    """Tell whether it is more than nothing, and no end of a transaction."""
    return _first_word(sql) not in {"", "commit", "end", "rollback", "abort"}


def unlisted(given: Startup) -> str | None:
    """Return a parameter that a client may not set at the start, None without one."""
    names = given.parameters.keys() - {"user", "database", "options"}
    names |= given.options.keys() - {"amzn-cluster-id"}
    return next((name for name in sorted(names) if not _listed(name)), None)


def unsettable(sql: str) -> str | None:
    """Return the parameter that a SET would change and may not, None without one.

    Several statements in one text are told apart only where nothing is quoted.
    ``set_config()`` is let through: what DSQL makes of it is unverified.
    """
    parts = [sql] if set(sql) & set("'\"$") else sql.split(";")
    for part in parts:
        if found := _SET.match(part):
            scope, name = (found[1] or "").lower(), found[2].strip('"').lower()
            name = _SYNONYMS.get(name, name)
            if name == "role" and scope == "local":
                continue
            if name not in _NO_PARAMETERS and not _listed(name):
                return name
    return None


def _listed(name: str) -> bool:
    return name.lower() in _PARAMETERS


def _first_word(sql: str) -> str:
    found = _FIRST_WORD.match(sql)
    return found[1].lower() if found else ""

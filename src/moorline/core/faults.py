"""What a failed connect says about the node: the table that decides it.

Facts: PostgreSQL, appendix A, "PostgreSQL Error Codes". libpq gives no SQLSTATE for
an error at connect, only text; a text that the server sent has its severity, a colon
and *two* spaces before it, in whatever language (``pqBuildErrorMessage3`` in libpq).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

__all__ = ["Fault", "Verdict", "answered", "classify", "sqlstate_of"]


class Verdict(Enum):
    """Whose fault a failed connect is."""

    NODE = "the node does not serve: leave it alone, try another"
    FULL = "the node has no room: leave it alone for a moment, try another"
    CALLER = "any node would answer so: raise at once, mark nothing"


class Fault(NamedTuple):
    """A failed effect, as a driver reports it.

    Args:
        text: The driver's message.
        sqlstate: Where the driver knows it.
        answered: Whether the server answered at all; `None` if only `text` can tell.
    """

    text: str
    sqlstate: str | None = None
    answered: bool | None = None

    @property
    def reason(self) -> str:
        """The message in one line, without what libpq says each time."""
        return re.sub(_BOILERPLATE, "", " ".join(self.text.split()))


# Patterns are compiled by `re` when they are first used: most programs never do.
_BOILERPLATE = (
    r"^connection (failed|is bad): |"
    r'connection to server (at|on socket) "[^"]*"( \([^)]*\))?(, port \d+)? failed: |'
    r" Is the server running (on that host|locally) and accepting .*\?$"
)

_BY_SQLSTATE = {
    "57P01": Verdict.NODE,  # admin_shutdown
    "57P02": Verdict.NODE,  # crash_shutdown
    "57P03": Verdict.NODE,  # cannot_connect_now
    "53300": Verdict.FULL,  # too_many_connections
}
_BY_CLASS = {
    "08": Verdict.NODE,  # connection exception
    "53": Verdict.FULL,  # insufficient resources
    "58": Verdict.NODE,  # system error, outside PostgreSQL
    "XX": Verdict.NODE,  # internal error
}

# What a server says while it cannot serve, in PostgreSQL 14 to 18 and YugabyteDB.
_SERVER_TEXTS = (
    (
        "the database system is (starting|shutting|in recovery|not )",
        "57P03",
    ),
    ("terminating connection due to administrator command", "57P01"),
    ("terminating connection because of crash", "57P02"),
    ("sorry, too many clients|too many connections for", "53300"),
    ("remaining connection slots are reserved", "53300"),
)
# What libpq says on its own that no other node would change: parameters that it does
# not take, credentials and certificates that do not do.
_CLIENT_TEXTS = (
    (r"\b(invalid|weak) (\S+ )?(value|number|sslmode)\b", "22023"),
    ("no password supplied", "28P01"),
    ("authentication method|channel binding", "28000"),
    ("certificate|private key|SSL was required", "28000"),
)
# sqlclient_unable_to_establish_sqlconnection, connection_failure
NO_ANSWER = frozenset({"08001", "08006"})
_SENT_BY_SERVER = "(?:^|failed: )[^:]+:  "


def classify(fault: Fault) -> Verdict:
    """Decide whose fault it is; text that nothing recognises came from no server."""
    state = sqlstate_of(fault)
    by_class = _BY_CLASS.get(state[:2], Verdict.CALLER)
    return _BY_SQLSTATE.get(state, by_class)


def answered(fault: Fault) -> bool:
    """Tell whether a server answered, in whatever way."""
    return sqlstate_of(fault) not in NO_ANSWER


def sqlstate_of(fault: Fault) -> str:
    """Return the SQLSTATE of a fault, or what its text stands for.

    "08006" for no answer at all, "28000" for a refusal that nothing recognises.
    """
    if fault.sqlstate:
        return fault.sqlstate
    if fault.answered is False:
        return "08006"
    sent = re.search(_SENT_BY_SERVER, fault.text)
    if sent or fault.answered:
        message = fault.text[sent.end() :] if sent else fault.text
        return _meant(message, _SERVER_TEXTS) or "28000"
    return _meant(fault.text, _CLIENT_TEXTS) or "08006"


def _meant(text: str, table: tuple[tuple[str, str], ...]) -> str:
    return next((state for pattern, state in table if re.search(pattern, text)), "")

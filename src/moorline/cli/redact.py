"""Keep passwords out of messages.

A conninfo that libpq understands has a password in a known place. Of one that it does
not understand, libpq and click quote pieces, and a piece may be part of a password that
was not escaped: then everything that may belong to it is masked, rather too much than
too little.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "redact"]

MASK = "***"
_LONG = 4  # characters from which on a secret is masked inside of other words too
_SECRET = ("password", "secret")  # in names of libpq's parameters

# After the user's name: as far as the last "@", or what stands where a port would.
_IN_URI = re.compile(r"://[^:@/?]*:(?:(.*)@|([^/?]*))", re.DOTALL)
# All that follows: quotes may have been forgotten.
_KEYWORD = re.compile(r"(?:password|secret)\s*=(.*)", re.DOTALL | re.IGNORECASE)
_JOINTS = re.compile(r"[\s@:/?&=']+")
# Pieces that tell nothing, so that messages stay readable.
_HARMLESS = re.compile(
    r"|user|host(addr)?|port|dbname|sslmode|connect_timeout|load_balance|topology_keys"
    r"|true|false|localhost|postgres(ql)?"
)


def redact(text: str, words: Iterable[str]) -> str:
    """Return a message without the passwords that the words of a command line hold."""
    secrets = {secret for word in words for secret in _secrets(word)}
    secrets.add(os.environ.get("PGPASSWORD", ""))
    for secret in sorted(secrets, key=len, reverse=True):
        if not _HARMLESS.fullmatch(secret):
            pattern = re.escape(secret)
            if len(secret) < _LONG:
                pattern = rf"(?<!\w){pattern}(?!\w)"
            text = re.sub(pattern, MASK, text)
    return text


def _secrets(word: str) -> Iterator[str]:
    params = _parsed(word)
    if params is None or _odd(params):
        yield from _suspects(word)
    else:
        public = {v for k, v in params.items() if not _is_secret(k)}
        secret = {v for k, v in params.items() if _is_secret(k)}
        # A password that is the user's name, as in many examples, hides nothing.
        yield from secret - public


def _parsed(word: str) -> dict[str, str] | None:
    """Return the parameters of a conninfo; `None` if libpq does not understand it."""
    try:
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - may be absent
    except ImportError:
        return None
    from moorline.core.conninfo import split  # noqa: PLC0415 - only for messages
    from moorline.yugabyte.options import TABLE  # noqa: PLC0415 - the same

    try:
        params = conninfo_to_dict(split(word, TABLE.holds).rest)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not understood
        return None
    return {name: str(value) for name, value in params.items()}


def _odd(params: dict[str, str]) -> bool:
    """Tell whether a password may have been cut at a "@" or "/" and gone elsewhere."""
    if not re.fullmatch(r"[\d,]*", params.get("port", "")):
        return True
    return any("@" in params.get(name, "") for name in ("host", "dbname"))


def _is_secret(name: str) -> bool:
    return any(part in name for part in _SECRET)


def _suspects(word: str) -> Iterator[str]:
    for match in (*_IN_URI.finditer(word), *_KEYWORD.finditer(word)):
        for found in filter(None, match.groups()):
            for piece in (found, *_JOINTS.split(found)):
                yield from (piece, unquote(piece), piece.replace("\\", ""))

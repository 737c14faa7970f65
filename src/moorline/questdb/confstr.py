"""Reading ``protocol::key=value;key=value;``, QuestDB's configuration string.

Source: QuestDB's documentation, "Client configuration string". A password with a single
semicolon in it ends up in pieces that look like keys. So an error repeats no value, and
no key that the caller does not know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["ConfString", "parse"]

KEY = re.compile("[A-Za-z0-9_]+")
FORBIDDEN = re.compile("[\0-\x1f\x7f-\x9f]")
REPEATABLE = "addr"
PIECE = re.compile("((?:[^;]+|;;)*)(;?)")


class ConfString(NamedTuple):
    """A configuration string taken apart.

    Args:
        protocol: In lower case.
        pairs: Keys and values, in their order.
    """

    protocol: str
    pairs: tuple[tuple[str, str], ...]


def parse(text: str, known: Collection[str] = ()) -> ConfString:
    """Take a configuration string apart.

    ``;;`` in a value is a semicolon; the last semicolon may be left out. Only ``addr``
    may be there more than once.

    Args:
        text: The string.
        known: The keys that errors may name; others are counted.

    Raises:
        ConfigError: It is malformed, or a key is there twice.
    """
    protocol, found, rest = text.partition("::")
    if not found or not KEY.fullmatch(protocol):
        raise ConfigError(
            "there is no protocol at the beginning: write http::addr=localhost:9000;"
        )
    pairs: list[tuple[str, str]] = []
    seen: set[str] = set()
    at = 0
    while at < len(rest):
        piece = PIECE.match(rest, at)
        assert piece is not None  # noqa: S101 - the pattern matches anything
        at = piece.end()
        key, value = _pair(piece[1], _place(pairs, known))
        called = f"{key} is" if key in known else f"key number {len(pairs) + 1} is"
        if FORBIDDEN.search(value):
            raise ConfigError(
                f"{called} malformed: there is a control character in its value, as a "
                "line break is; leave it out"
            )
        if key in seen and key != REPEATABLE:
            raise ConfigError(f"{called} given twice: leave one of them out")
        seen.add(key)
        pairs.append((key, value))
    return ConfString(protocol.lower(), tuple(pairs))


def _pair(piece: str, place: str) -> tuple[str, str]:
    key, equals, value = piece.partition("=")
    if equals and KEY.fullmatch(key):
        return key, value.replace(";;", ";")
    raise ConfigError(
        f"there is no key=value {place}: write ;; for a semicolon within a value, and "
        "keys of letters, digits and _ without spaces"
    )


def _place(before: list[tuple[str, str]], known: Collection[str]) -> str:
    if not before:
        return "behind the protocol"
    key, _ = before[-1]
    return f"behind {key}" if key in known else f"behind key number {len(before)}"

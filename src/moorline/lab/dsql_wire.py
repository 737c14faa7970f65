"""Read and write PostgreSQL's protocol from the middle: whole messages, their parts.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CANCEL",
    "GSS_REQUEST",
    "PASSWORD_REQUEST",
    "SSL_REQUEST",
    "Failure",
    "Frames",
    "Startup",
    "message",
    "parse",
    "query",
    "read_failure",
    "read_startup",
    "startup",
    "strings",
    "texts",
]

CANCEL, SSL_REQUEST, GSS_REQUEST = 80877102, 80877103, 80877104
_PROTOCOL = 3  # the major version
_HEADER = struct.Struct("!cI")  # a letter, and the length without it
_OPTION = re.compile(r"(?:-c\s*|--)([^\s=]+)=((?:\\.|[^\s\\])*)")


@dataclass(frozen=True, slots=True)
class Failure:
    """What an ErrorResponse says."""

    code: str  # SQLSTATE
    text: str
    hint: str = ""
    severity: str = "ERROR"

    def __bytes__(self) -> bytes:
        """Return the message."""
        parts = [("S", self.severity), ("V", self.severity)]
        parts += [("C", self.code), ("M", self.text)]
        parts += [("H", self.hint)] if self.hint else []
        return message(b"E", strings(*(letter + said for letter, said in parts), ""))


class Frames:
    """Cut a stream of bytes into messages, in whatever pieces it comes."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now, header included."""
        self._rest += data
        found: list[bytes] = []
        start = 0
        while len(self._rest) - start >= _HEADER.size:
            _, length = _HEADER.unpack_from(self._rest, start)
            end = start + 1 + max(length, 4)
            if end > len(self._rest):
                break
            found.append(bytes(self._rest[start:end]))
            start = end
        del self._rest[:start]
        return found


@dataclass(frozen=True, slots=True)
class Startup:
    """The first message of a connection."""

    code: int  # the version of the protocol, or what is requested instead
    body: bytes
    parameters: Mapping[str, str]

    @property
    def options(self) -> dict[str, str]:
        """What the parameter ``options`` sets: ``-c name=value``, ``--name=value``."""
        found = _OPTION.findall(self.parameters.get("options", ""))
        return {name: re.sub(r"\\(.)", r"\1", value) for name, value in found}


def read_startup(code: int, body: bytes) -> Startup:
    """Read what follows the length and the code.

    Raises ConnectionAbortedError if it is of another protocol.
    """
    if code == CANCEL:
        return Startup(code, body, {})
    if code >> 16 != _PROTOCOL:
        raise ConnectionAbortedError("this is no startup message of version 3")
    words = body.decode(errors="replace").split("\0")
    given = dict(zip(words[0::2], words[1::2], strict=False))
    given.pop("", None)
    return Startup(code, body, given)


def startup(given: Startup, parameters: Mapping[str, str]) -> bytes:
    """Return the first message for the server: the client's, with other parameters."""
    body = given.body
    if given.code != CANCEL:
        body = strings(*(word for pair in parameters.items() for word in pair), "")
    return struct.pack("!II", len(body) + 8, given.code) + body


def message(letter: bytes, body: bytes) -> bytes:
    """Return a message."""
    return _HEADER.pack(letter, len(body) + 4) + body


def query(sql: str) -> bytes:
    """Return a Query message: the simple protocol."""
    return message(b"Q", strings(sql))


def parse(sql: str) -> bytes:
    """Return a Parse message with a name of its own: the extended protocol."""
    return message(b"P", strings("moorline", sql) + b"\0\0")


def strings(*words: str) -> bytes:
    """Return words as the protocol has them, each with an end."""
    return b"".join(word.encode() + b"\0" for word in words)


def texts(said: bytes, count: int) -> list[str]:
    """Return so many strings from the beginning of a message's body."""
    words = said[_HEADER.size :].split(b"\0", count)[:count]
    return [word.decode(errors="replace") for word in words]


def read_failure(said: bytes) -> Failure:
    """Read an ErrorResponse, header included."""
    parts = said[_HEADER.size :].decode(errors="replace").split("\0")
    fields = {part[:1]: part[1:] for part in parts}
    severity = fields.get("V", fields.get("S", ""))
    return Failure(fields.get("C", ""), fields.get("M", ""), severity=severity)


PASSWORD_REQUEST = message(b"R", struct.pack("!I", 3))  # in clear text

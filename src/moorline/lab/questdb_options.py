"""Say what a QuestDB server for tests is to be like."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["VERSION", "QuestdbOptions", "QuestdbOptionsDict", "Setting"]

VERSION = "9.3.4"

Setting: TypeAlias = str | float | bool

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_NAME = re.compile(r"[a-z0-9.]+")


class QuestdbOptionsDict(TypedDict, total=False):
    """Keyword arguments of `QuestdbLab`; their meaning is told at `QuestdbOptions`."""

    version: str
    user: str | None
    password: str | None
    tcp_auth: bool
    settings: Mapping[str, Setting]
    java_options: Sequence[str]
    jar: str | os.PathLike[str] | None
    java: str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestdbOptions:
    """The options of a lab, checked.

    Args:
        version: Of the server. Tried: 9.3.4, 9.0.3 (ILP up to version 2, no gzip) and
            8.2.0 (version 1 only).
        user: With ``password``, what HTTP clients must present (basic); by default
            nothing. ILP over TCP and the PostgreSQL protocol do not ask for it.
        password: See ``user``.
        tcp_auth: Whether ILP over TCP asks for the signature of `QuestdbLab.tcp_key`.
        settings: More lines for server.conf, such as ``{"http.net.connection.limit":
            4}``; they win over the lab's own.
        java_options: More options for Java, such as ``-Xmx1g``; they win too. By
            default the heap is 256 MB and only the quick compiler is used, which
            starts in half the time: ``-XX:TieredStopAtLevel=4`` for benchmarks.
        jar: The server's jar; by default it is looked for.
        java: The program java; by default it is looked for.
    """

    version: str = VERSION
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tcp_auth: bool = False
    settings: Mapping[str, Setting] = field(default_factory=dict[str, Setting])
    java_options: Sequence[str] = ()
    jar: str | os.PathLike[str] | None = None
    java: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if not _VERSION.fullmatch(self.version):
            raise LabError(f"version={self.version!r} is not of the form {VERSION!r}")
        if (self.user is None) != (self.password is None):
            raise LabError("user= and password= belong together: give both or none")
        for name, value in (("user", self.user), ("password", self.password)):
            if value is not None and not (value and value.isprintable()):
                raise LabError(f"{name}= must be printable and not empty")
        if ":" in (self.user or ""):
            raise LabError(f"user={self.user!r}: HTTP has no way to send a colon in it")
        for name in self.settings:
            if not _NAME.fullmatch(name):
                raise LabError(f"settings={{{name!r}: …}}: no name of server.conf")
        if isinstance(self.java_options, str):
            raise LabError(f"java_options={self.java_options!r} must be a list")

"""Requests and answers of HTTP, as values, and what may come between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = [
    "Body",
    "Content",
    "ExchangeError",
    "Request",
    "Response",
    "Stage",
    "Stream",
]

# Or what else is sent as it is, without copying.
Body: TypeAlias = bytes | bytearray | memoryview


class Stream:
    """A body that is written while its beginning is sent."""

    __slots__ = ()

    def parts(self) -> Generator[Body]:
        """Yield it, from its beginning, each time that this is called.

        A part is not looked at any more when the next one is asked for. Asking may take
        its time, and may raise.
        """
        raise NotImplementedError


Content: TypeAlias = Body | Stream


class Stage:
    """How far an exchange had come."""

    CONNECT = "connect"
    SEND = "send"
    RECEIVE = "receive"


class ExchangeError(Exception):
    """An exchange that brought no answer.

    Args:
        stage: How far it had come: before anything was sent, while it was, or after.
        cause: What the network said.
        heard: What came instead of an answer, as far as that is known.
    """

    def __init__(self, stage: str, cause: BaseException, heard: bytes = b"") -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.stage = stage
        self.heard = heard
        self.__cause__ = cause


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Args:
        method: As in HTTP.
        target: Path and query.
        headers: All but ``Host`` and what says how long the body is. They may hold
            secrets.
        body: What is sent.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: Content = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Args:
        status: As in HTTP.
        headers: Names in lower case; of those that are repeated, the last.
        body: What was received.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

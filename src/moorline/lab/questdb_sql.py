"""Ask a QuestDB server by SQL, over its REST interface.

With Python's own HTTP client: what counts rows in tests of a client should not be one
of that client's parts.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import urlencode

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from moorline.lab.addresses import Endpoint

__all__ = ["Rest", "Row", "Value"]

Value: TypeAlias = "bool | int | float | str | list[Value] | None"
Row: TypeAlias = tuple[Value, ...]

_ALIVE = 2.0  # seconds for an answer to /ping
_ANSWER = 60.0  # seconds for a query
_OK = 200
_NO_CONTENT = 204


class Rest:
    """Where the server listens for HTTP, and as whom to ask."""

    def __init__(
        self, endpoint: Endpoint, user: str | None, password: str | None
    ) -> None:
        self._endpoint = endpoint
        self._headers: dict[str, str] = {}
        if user is not None:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"

    def alive(self) -> bool:
        """Tell whether it serves; ``/ping`` needs no credentials."""
        try:
            return self._get("/ping", _ALIVE)[0] == _NO_CONTENT
        except (OSError, http.client.HTTPException):
            return False

    def query(self, sql: str) -> list[Row]:
        """Run one statement; return its rows, none if it has none.

        Raises LabError with the server's message, OSError if it cannot be reached.
        """
        status, body = self._get(f"/exec?{urlencode({'query': sql})}", _ANSWER)
        # The server emits what it was given, also if that is no UTF-8.
        text = body.decode(errors="surrogateescape")
        if status != _OK:
            raise LabError(f"QuestDB answered {status} to {sql!r}: {_error(text)}")
        answer = cast("dict[str, list[list[Value]]]", json.loads(text))
        if "error" in answer:  # an empty query is answered with 200
            raise LabError(f"QuestDB refused {sql!r}: {_error(text)}")
        return [tuple(row) for row in answer.get("dataset", [])]

    def _get(self, target: str, timeout: float) -> tuple[int, bytes]:
        made = http.client.HTTPConnection(*self._endpoint, timeout=timeout)
        with contextlib.closing(made) as connection:
            connection.request("GET", target, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


def _error(text: str) -> str:
    try:
        answer = cast("dict[str, object]", json.loads(text))
    except ValueError:
        return text.strip()[:500]
    return f"{answer.get('error')} (position {answer.get('position')})"

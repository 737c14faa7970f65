"""What a server's answer to a write means, and what it says of a row.

Facts: QuestDB's documentation, "InfluxDB Line Protocol", and the answers of QuestDB 8.2
to 9.3: an error is JSON with ``code``, ``message``, ``line`` and ``errorId``, and the
line is the number of the row within the request.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from moorline.net.http import Response

__all__ = ["Complaint", "Meaning", "complaint_of", "meaning_of", "wait_of"]

# Statuses after which the same request may succeed. Those that QuestDB's clients know
# (500 to 599), and those with which proxies in front of it say the same.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 523, 524, 529, 599})
MISDIRECTED = 421  # another host may take it
UNAUTHORIZED = 401
NO_GZIP = 415
NO_CHUNKS = 411  # RFC 9110, 15.5.12: "Length Required", as of some proxies
SERVER_ERROR = 500


class Meaning(Enum):
    """What to do after an answer."""

    ACCEPTED = auto()
    AGAIN = auto()
    PLAIN = auto()  # again, without gzip
    WHOLE = auto()  # again, and not in chunks
    UNAUTHORIZED = auto()  # again, if there is another token
    REFUSED = auto()


class Complaint(NamedTuple):
    """What a server said when it refused rows.

    Args:
        status: Of HTTP.
        code: The server's word for it, or "".
        message: The server's own, as short as it can be made.
        line: Which row of the request it is about, from 1; `None` if it does not say.
        error_id: What to look for in the server's log, or "".
    """

    status: int
    code: str
    message: str
    line: int | None
    error_id: str


def meaning_of(
    response: Response, *, gzipped: bool = False, chunked: bool = False
) -> Meaning:
    """Decide what an answer means."""
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        return Meaning.ACCEPTED
    if status == NO_GZIP and gzipped:
        return Meaning.PLAIN
    if status == NO_CHUNKS and chunked:
        return Meaning.WHOLE
    if status == UNAUTHORIZED:
        return Meaning.UNAUTHORIZED
    if status == SERVER_ERROR and complaint_of(response).line is not None:
        return Meaning.REFUSED  # it is about a row, and would be said again
    again = status in PASSING or status == MISDIRECTED
    return Meaning.AGAIN if again else Meaning.REFUSED


def complaint_of(response: Response) -> Complaint:
    """Read what the server said, whatever it calls the type of it."""
    text = response.body.decode(errors="replace").strip()
    try:
        said: object = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        plain = text or f"HTTP status {response.status}, without a word"
        return Complaint(response.status, "", plain, None, "")
    fields = cast("dict[str, object]", said)
    line = fields.get("line")
    return Complaint(
        response.status,
        str(fields.get("code", "")),
        _shortened(str(fields.get("message", text))),
        line if isinstance(line, int) and line > 0 else None,
        str(fields.get("errorId", "")),
    )


def wait_of(response: Response) -> float | None:
    """Return the seconds that the server asks for in ``Retry-After``.

    A date counts as nothing said: the clocks of two machines differ.
    """
    said = response.headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() else None


def _shortened(message: str) -> str:
    """Return the message without what it repeats."""
    found = re.search(r"\nerror in line \d+: ((?:.|\n)*)", message)
    return (found[1] if found else message).strip()

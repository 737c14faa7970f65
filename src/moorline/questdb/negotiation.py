"""Which version of ILP a server reads, and what it calls a name that is too long.

Facts: ``GET /settings`` of QuestDB 9 has both under ``config``; before 9.0 there is
neither, and version 1 is all that it reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from moorline.net.http import Response

__all__ = ["Agreed", "agreed"]

KNOWN = (1, 2, 3)
NOT_FOUND = 404


class Agreed(NamedTuple):
    """What a server said of itself.

    Args:
        version: The newest version of ILP that both know.
        max_name_len: How long a name may be; `None` if it does not say.
    """

    version: int
    max_name_len: int | None


def agreed(response: Response) -> Agreed | None:
    """Read the answer to ``GET /settings``; `None` if it is none of that."""
    if response.status == NOT_FOUND:
        return Agreed(1, None)
    try:
        said: object = json.loads(response.body)
    except ValueError:
        return None
    if not 200 <= response.status < 300 or not isinstance(said, dict):  # noqa: PLR2004 - HTTP's successes
        return None
    config = cast("dict[str, object]", said).get("config", {})
    fields = cast("dict[str, object]", config if isinstance(config, dict) else {})
    versions = fields.get("line.proto.support.versions", [1])
    listed = cast("list[object]", versions if isinstance(versions, list) else [1])
    length = fields.get("cairo.max.file.name.length")
    return Agreed(
        max((one for one in KNOWN if one in listed), default=1),
        length if isinstance(length, int) else None,
    )

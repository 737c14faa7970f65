"""Imitate ``yb_servers()``: a SQL function over one JSON file.

All nodes read the same file, so a change of topology is one atomic rename and every
node answers with it at once.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["COLUMNS", "FILE", "SHAPES", "Row", "create_function", "write"]

Row = dict[str, object]

FILE = "topology.json"

# In the server's order. Original servers have the first 8; 9 and 10 came later.
COLUMNS: Final[Mapping[str, str]] = {
    "host": "text",
    "port": "bigint",
    "num_connections": "bigint",
    "node_type": "text",
    "cloud": "text",
    "region": "text",
    "zone": "text",
    "public_ip": "text",
    "uuid": "text",
    "universe_uuid": "text",
}
SHAPES = (0, 8, 9, 10)  # 0: a plain PostgreSQL, without the function


def create_function(columns: int) -> str:
    """Return the statement that makes ``yb_servers()`` with so many columns.

    It reads the file beside the data directory (a server's working directory), so
    that a copy of a data directory reads the file beside the copy. A value that does
    not fit its type makes the call fail, as in tests of that.
    """
    shape = list(COLUMNS.items())[:columns]
    declared = ", ".join(f"{name} {kind}" for name, kind in shape)
    body = f"select * from json_to_recordset(pg_read_file('../{FILE}')::json) as t"  # noqa: S608 - constants
    return (
        f"create function yb_servers() returns table({declared}) language sql stable"
        f" security definer set search_path = pg_catalog as $$ {body}({declared}) $$"
    )


def write(directory: Path, rows: Iterable[Mapping[str, object]]) -> list[Row]:
    """Replace the rows atomically; return them as written.

    Values may be anything that JSON can say, None (SQL NULL) and nonsense included;
    a column left out is NULL. Raises LabError for a column that does not exist.
    """
    written = [dict(row) for row in rows]
    for row in written:
        if unknown := row.keys() - COLUMNS.keys():
            raise LabError(
                f"yb_servers() has no column {', '.join(sorted(unknown))};"
                f" there are {', '.join(COLUMNS)}"
            )
    try:
        text = json.dumps(written)
    except TypeError as error:
        raise LabError(
            f"a row of yb_servers() cannot be said in JSON: {error}"
        ) from error
    fresh = directory / f"{FILE}.{os.getpid()}"
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o644)
    fresh.replace(directory / FILE)
    return written

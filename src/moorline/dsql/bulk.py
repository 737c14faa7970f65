"""Many rows in transactions that the service's limits allow: which rows go together.

A transaction may change 3000 rows and 10 MiB, index entries included; see the Aurora
DSQL user guide, "Cluster quotas and database limits". What a row comes to on the server
is not known here, so a batch that proves too big is halved.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from moorline.core.flow import Step
from moorline.errors import CommitOutcomeUnknown, ConfigError, InsertStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from moorline.core.flow import Flow

__all__ = ["Insert", "Progress", "inserting"]

Values: TypeAlias = "Sequence[object]"

MOST_ROWS = 2999
DEFAULT_ROWS = 2500
# Of what the rows hold themselves: indexes and the server's own bytes come on top.
MOST_BYTES = 4 * 1024 * 1024
TOO_BIG = "54000"  # program_limit_exceeded


class Progress(NamedTuple):
    """How far an insertion has come.

    Args:
        rows: Rows that are committed, with those that were skipped.
        batches: Transactions that are committed.
    """

    rows: int
    batches: int


@dataclass(frozen=True, slots=True)
class Insert(Step[None]):
    """Insert rows in one transaction.

    Args:
        table: As it stands in SQL.
        columns: The same.
        rows: A value for each column.
    """

    table: str
    columns: tuple[str, ...]
    rows: tuple[Values, ...]

    def sql(self, *, numbered: bool) -> str:
        """Return the statement for one row.

        Args:
            numbered: Whether values stand as ``$1`` and not, as in psycopg, as ``%s``.
        """
        names = ", ".join(self.columns)
        into = f"insert into {self.table} ({names})"
        count = len(self.columns)
        if numbered:
            marks = ", ".join(f"${number}" for number in range(1, count + 1))
            return f"{into} values ({marks})"
        return f"{into.replace('%', '%%')} values ({', '.join(['%s'] * count)})"


def inserting(
    table: str,
    columns: Sequence[str],
    rows: Iterable[Values],
    *,
    batch_rows: int,
    skip: int,
    progress: Callable[[Progress], object] | None,
) -> Flow[int]:
    """Insert rows, batch by batch; return how many are committed.

    Raises:
        ConfigError: The batch is too big, a name is empty, or a row has another number
            of values than there are columns.
        InsertStopped: A batch failed.
    """
    if not 1 <= batch_rows <= MOST_ROWS:
        raise ConfigError(f"batch_rows={batch_rows}: write 1 to {MOST_ROWS}")
    if not columns:
        raise ConfigError("columns: name one at least")
    into = ".".join(map(quoted, table.split(".")))
    names = tuple(map(quoted, columns))
    done = Progress(skip, 0)
    for batch in _batches(islice(rows, skip, None), len(names), batch_rows):
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            try:
                yield from Insert(into, names, part)
            except Exception as error:
                if getattr(error, "sqlstate", None) != TOO_BIG or len(part) == 1:
                    raise _stopped(done, len(part), error) from error
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            done = Progress(done.rows + len(part), done.batches + 1)
            if progress is not None:
                progress(done)
    return done.rows


def quoted(name: str) -> str:
    """Return a name as an identifier in SQL, letter by letter."""
    if not name or "\0" in name:
        raise ConfigError(f"{name!r} is no name for a table or column")
    return '"{}"'.format(name.replace('"', '""'))


def _batches(
    rows: Iterable[Values], width: int, most: int
) -> Iterator[tuple[Values, ...]]:
    batch: list[Values] = []
    size = 0
    for row in rows:
        if len(row) != width:
            raise ConfigError(
                f"a row has {len(row)} values for {width} columns; it comes after "
                f"{len(batch)} rows that were not sent yet"
            )
        weight = sum(map(_weight, row))
        if batch and (len(batch) == most or size + weight > MOST_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield tuple(batch)


def _weight(value: object) -> int:
    """Return about how many bytes a value has."""
    match value:
        case str():
            return len(value) if value.isascii() else len(value.encode())
        case bytes() | bytearray():
            return len(value)
        case None | bool() | int() | float():
            return 8
        case _:
            return max(16, len(str(value)))


def _stopped(done: Progress, failed: int, error: Exception) -> InsertStopped:
    fate = "are not in the table"
    if isinstance(error, CommitOutcomeUnknown):
        fate = "may be in the table or not"
    return InsertStopped(
        f"{done.rows} rows are in the table; the next {failed} {fate}: {error}\n"
        f"Go on with the same rows and skip={done.rows}",
        done.rows,
        failed,
    )

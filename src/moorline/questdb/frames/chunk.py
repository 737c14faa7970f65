"""Some rows of a frame, which are written when they are asked for."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from moorline.errors import RowError
from moorline.questdb.frames.columns import BadValue, is_absent
from moorline.questdb.frames.kernel import kernel_of
from moorline.questdb.rows import placed
from moorline.questdb.schema import Plan
from moorline.questdb.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorline.questdb.encoding import Encoding
    from moorline.questdb.frames.layout import Kind, Layout
    from moorline.questdb.frames.sources import Part
    from moorline.questdb.store import Store

__all__ = ["Chunk"]

LF = b"\n"
NULL_AT = BadValue(
    "the designated timestamp is null, which would be the server's clock: fill it, or "
    "drop the row"
)


class Chunk:
    """Some rows of a frame.

    Args:
        encoding: How they are written.
        layout: What becomes of their columns.
        part: The rows.
        first: The number of the first of them in the frame.

    Attributes:
        rows: How many there are.
    """

    __slots__ = (
        "_columns",
        "_encoding",
        "_first",
        "_kernel",
        "_layout",
        "_tables",
        "rows",
    )

    def __init__(
        self, encoding: Encoding, layout: Layout, part: Part, first: int
    ) -> None:
        self.rows = part.rows
        self._encoding = encoding
        self._layout = layout
        self._first = first
        self._columns = [part.columns[place] for place in layout.order]
        self._tables = None if layout.tables is None else part.columns[layout.tables]
        self._kernel = kernel_of(encoding, layout, self._columns, self._tables)

    def encode(self, start: int, stop: int, into: Store) -> None:
        """Append rows to a store, all of them or none.

        Args:
            start: The first of them, counted from the beginning of the chunk.
            stop: The one behind the last.
            into: Where to.

        Raises:
            RowError: One of them cannot be written; the message says which.
        """
        if self._kernel is not None:
            reached = self._kernel.write(start, stop, into)
            if reached == stop:
                return
            # It does not say why: what follows does.
            start, stop = reached, reached + 1
        out = bytearray()
        self._append(out, start, stop)
        assert self._kernel is None, "the kernel refuses what Python does not"  # noqa: S101
        into.extend(out)

    def _append(self, out: bytearray, start: int, stop: int) -> None:
        layout = self._layout
        schema, end = layout.schema(), layout.end
        plans: dict[str, Plan] = {}
        plan: Plan | None = None
        table: object = None
        values: tuple[object, ...] = ()
        number = self._first + start
        try:
            for table, values in zip(
                self._names(start, stop), self._cells(start, stop), strict=False
            ):
                plan = None
                plan = self._plan(table, schema, plans)
                said = [
                    writers[type(value)](value)
                    for writers, value in zip(plan.writers, values, strict=True)
                ]
                try:
                    out += plan.template % tuple(said)
                except TypeError:  # None is no bytes: something is absent
                    out += plan.assemble(said)
                if end != LF:
                    out[-1:] = end
                number += 1
        except RowError as error:
            raise _explained(error, number, table, plan, values) from None

    def _plan(
        self, table: object, schema: dict[str, Kind], plans: dict[str, Plan]
    ) -> Plan:
        if not isinstance(table, str):
            raise RowError(
                f"the table's name is {shown(table)}: write a text, or drop the row"
            )
        if table not in plans:
            plans[table] = Plan(self._encoding, table, schema)
        return plans[table]

    def _names(self, start: int, stop: int) -> Iterable[object]:
        """Return the names of the tables that rows are for."""
        if self._tables is None:
            return repeat(self._layout.table)
        return self._tables.values(start, stop)

    def _cells(self, start: int, stop: int) -> Iterable[tuple[object, ...]]:
        """Return the values of rows, in the order of the wire."""
        columns = [column.values(start, stop) for column in self._columns]
        if self._layout.timed:
            columns[-1] = _moments(columns[-1])
        return zip(*columns, strict=True)


def _moments(values: Iterable[object]) -> Iterable[object]:
    """Return designated timestamps, none of which may be absent."""
    absent: dict[type, bool] = {}
    for value in values:
        kind = type(value)
        if kind not in absent:
            absent[kind] = is_absent(kind)
        yield NULL_AT if absent[kind] else value


def _explained(
    error: RowError,
    number: int,
    table: object,
    plan: Plan | None,
    values: Sequence[object],
) -> RowError:
    """Return an error that says in which row and column it was."""
    if plan is None:  # its table's name it is
        return RowError(f"row {number}: {error}")
    for name, value in zip(plan.names, values, strict=True):
        if isinstance(value, BadValue):
            return placed(RowError(f"row {number}: {value.reason}"), table, name)
    return plan.explain(error, number, values)

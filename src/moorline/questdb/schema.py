"""Rows that are all made alike: what their values are is said, and looked up, once."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from moorline.errors import RowError
from moorline.questdb.encoding import ByType
from moorline.questdb.kinds import kind_of
from moorline.questdb.rows import SPACE, placed, refuse_alike, refuse_nothing
from moorline.questdb.text import shown
from moorline.questdb.timestamps import TimestampMicros, TimestampNanos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorline.questdb.encoding import Encoding, Writer
    from moorline.questdb.timestamps import Timestamp

__all__ = ["ColumnKind", "Plan"]

ValueKind: TypeAlias = Literal["any", "bool", "i64", "f64", "str", "dec", "arr"]
MomentKind: TypeAlias = Literal["ts", "ts_us", "ts_ns", "at", "at_us", "at_ns"]
ColumnKind: TypeAlias = Literal["symbol"] | ValueKind | MomentKind

LAST = 2  # the rank of the designated timestamp
ENDS = frozenset({"at", "at_us", "at_ns"})
KINDS = ("symbol", *get_args(ValueKind), *get_args(MomentKind))
UNITS: dict[str, type[Timestamp]] = {
    "ts_us": TimestampMicros,
    "ts_ns": TimestampNanos,
    "at_us": TimestampMicros,
    "at_ns": TimestampNanos,
}


class Plan:
    """How the rows of a table are written.

    Args:
        encoding: Of the buffer.
        table: The table's name.
        schema: What each value of a row is, by column: ``symbol``; ``bool``, ``i64``,
            ``f64``, ``str``, ``dec``, ``arr``; ``any`` for what its type says; ``ts``
            for moments, ``ts_us`` and ``ts_ns`` for whole numbers of micro- and
            nanoseconds as well; ``at``, ``at_us`` and ``at_ns`` the same for the
            designated timestamp, whose name is not written. In any order.

    Attributes:
        writers: What writes the values, by type, in the order of the schema.
        head: The table's name as it is written.
        order: Puts what was written into the order of the wire; `None` if it is that.
        template: The row, with a place for each value.

    Raises:
        RowError: The schema makes no sense, or a name is not allowed.
    """

    def __init__(
        self, encoding: Encoding, table: str, schema: Mapping[str, ColumnKind]
    ) -> None:
        self.table = table
        self.names = list(schema)
        ranks = [_rank(table, name, kind) for name, kind in schema.items()]
        self._ends = ranks.count(LAST)
        if self._ends > 1 or self._ends == len(ranks):
            raise placed(
                RowError("a schema needs symbols or columns, and at most one at"), table
            )
        self._kinds = list(schema.values())
        self.writers = [_writers(encoding, kind) for kind in schema.values()]
        self._wire = sorted(range(len(ranks)), key=ranks.__getitem__)
        self._symbols = ranks.count(0)
        self.head, self._fields = self._written(encoding, ranks)
        in_order = self._wire == sorted(self._wire)
        self.order = None if in_order else itemgetter(*self._wire)
        self.template = self.assemble([b"%b"] * len(ranks))

    def _written(
        self, encoding: Encoding, ranks: Sequence[int]
    ) -> tuple[bytes, list[bytes]]:
        """Return the table's name and those of the fields as they are written."""
        name: str | None = None
        try:
            head = encoding.tables[self.table]
            fields: list[bytes] = []
            for name, rank in zip(self.names, ranks, strict=True):
                fields.append(b"" if rank == LAST else encoding.fields[name])
            name = None
            if encoding.strict:
                refuse_alike(n for n, f in zip(self.names, fields, strict=True) if f)
        except RowError as error:
            raise placed(error, self.table, name) from None
        return head, fields

    def assemble(self, said: Sequence[bytes | None]) -> bytes:
        """Return a row of what was written for each value, absent ones left out.

        Raises:
            RowError: All of them are absent.
        """
        out = bytearray(self.head)
        last = len(self._wire) - self._ends
        behind_symbols = 0
        for place, index in enumerate(self._wire[:last]):
            if place == self._symbols:
                behind_symbols = len(out)
            if (value := said[index]) is not None:
                out += self._fields[index]
                out += value
        if len(out) == len(self.head):
            refuse_nothing()
        if 0 < behind_symbols < len(out):
            out[behind_symbols] = SPACE
        end = said[self._wire[last]] if self._ends else None
        return bytes(out) + (end or b"\n")

    def places(self) -> list[tuple[int, ColumnKind, bytes, Mapping[type, Writer]]]:
        """Return what a row is made of, in the order of the wire.

        Returns:
            For each, where in the schema it is, its kind, its name as it is written,
            and what writes its values.
        """
        return [
            (index, self._kinds[index], self._fields[index], self.writers[index])
            for index in self._wire
        ]

    def explain(
        self, error: RowError, index: int, values: Sequence[object]
    ) -> RowError:
        """Return an error that says in which row and column it was."""
        said = zip(self.names, self.writers, values, strict=False)
        name = next((n for n, writers, value in said if _fails(writers, value)), None)
        return placed(type(error)(f"row {index}: {error}"), self.table, name)


def _rank(table: str, name: str, kind: str) -> int:
    """Return where a kind stands in a row: symbols, columns, the timestamp."""
    if kind not in KINDS:
        what = f"the schema says {shown(kind)}: write one of {', '.join(KINDS)}"
        raise placed(RowError(what), table, name)
    if kind == "symbol":
        return 0
    return LAST if kind in ENDS else 1


def _writers(encoding: Encoding, kind: ColumnKind) -> Mapping[type, Writer]:
    match kind:
        case "symbol":
            return encoding.symbols
        case "any":
            return encoding.columns
        case "at":
            return encoding.ends
        case "ts_us" | "ts_ns" | "at_us" | "at_ns":
            return _counts(encoding, kind)
        case _:
            return encoding.of_kind[kind]


def _counts(encoding: Encoding, kind: str) -> Mapping[type, Writer]:
    """Return writers that take whole numbers for moments, whose unit is known."""
    unit = UNITS[kind]
    moments: Mapping[type, Writer]
    moments = encoding.ends if kind in ENDS else encoding.of_kind["ts"]

    def make(of: type) -> Writer:
        family, simple = kind_of(of, strict=encoding.strict)
        if family != "i64":
            return moments[of]
        write = moments[unit]
        if of is int:
            return lambda value: write(unit(value))
        return lambda value: write(unit(simple(value)))

    return ByType(make)


def _fails(writers: Mapping[type, Writer], value: object) -> bool:
    try:
        writers[type(value)](value)
    except RowError:
        return True
    return False

"""Which function writes a value: by protocol version, strictness and type.

`Encoding` has tables from types to functions. An entry is made when a type is first
met, so what is decided about a type is decided once.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeAlias, TypeVar

from moorline.errors import ConfigError, RowError
from moorline.questdb import values
from moorline.questdb.arrays import array_field
from moorline.questdb.decimals import decimal_field
from moorline.questdb.kinds import exact_float, kind_of
from moorline.questdb.names import DEFAULT_MAX_LEN, ColumnNames, FirstNames, TableNames
from moorline.questdb.text import SymbolValues, quoted, shown, unquoted
from moorline.questdb.timestamps import (
    ServerTimestampType,
    TimestampMicros,
    TimestampNanos,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.kinds import Family

__all__ = ["Encoding", "ProtocolVersion", "Writer"]

ProtocolVersion: TypeAlias = Literal[1, 2, 3]
# Returns what stands behind a name; `None` if the value is absent.
Writer: TypeAlias = "Callable[[Any], bytes | None]"
# Returns the end of a row.
End: TypeAlias = "Callable[[Any], bytes]"
T = TypeVar("T")

VERSIONS = (1, 2, 3)
SHORTEST_MAX_LEN = 16
TYPES_KEPT = 512
ENDS: dict[type, End] = {
    TimestampNanos: values.end_nanos,
    TimestampMicros: values.end_micros,
}
PLAIN_ENDS: dict[type, End] = dict.fromkeys(ENDS, values.end_plain)
# What is written as it is.
SIMPLE = frozenset({bool, int, float, str, Decimal, TimestampMicros, TimestampNanos})
# From which protocol version, and from which server on, there is a family.
NOUNS: dict[Family, str] = {
    "bool": "a bool",
    "i64": "an int",
    "f64": "a float",
    "str": "a str",
    "ts": "a timestamp or a datetime",
    "arr": "an array",
    "dec": "a Decimal",
}
SINCE: dict[Family, tuple[int, str]] = {"arr": (2, "9.0"), "dec": (3, "9.2")}


class ByType(dict[type, "Callable[[Any], T]"], Generic[T]):
    """Writers by type; those that are missing are made, and kept."""

    def __init__(self, make: Callable[[type], Callable[[Any], T]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, kind: type) -> Callable[[Any], T]:
        writer = self._make(kind)
        if len(self) < TYPES_KEPT:
            self[kind] = writer
        return writer


class Encoding:
    """Everything that the writing of a row depends on, besides the row.

    Args:
        version: The protocol version.
        max_name_len: How many bytes of UTF-8 a name may have.
        strict: Whether to refuse what the server would store as something else.

    Attributes:
        tables: Names of tables as they are written.
        fields: Names of columns and symbols as they are written.
        firsts: Names of columns, of the first one of a row.
        texts: Values of symbols as they are written, by value.
        symbols: What writes a symbol's value, by its type.
        columns: What writes a column's value, by its type.
        ends: What writes the end of a row, by the type of its timestamp.
        inline: Whether what writes the commonest types may be bypassed, for speed.
        of_kind: The same as `columns`, for values of one family only.

    Raises:
        ConfigError: An option is out of its range.
    """

    def __init__(
        self,
        version: ProtocolVersion = 2,
        max_name_len: int = DEFAULT_MAX_LEN,
        *,
        strict: bool = False,
    ) -> None:
        if version not in VERSIONS:
            raise ConfigError(f"protocol_version={version!r}: write 1, 2 or 3")
        if max_name_len < SHORTEST_MAX_LEN:
            raise ConfigError(f"max_name_len={max_name_len!r}: write 16 or more")
        self.version = version
        self.max_name_len = max_name_len
        self.strict = strict
        self.inline = version > 1 and not strict
        self.tables = TableNames(max_name_len)
        self.fields = ColumnNames(max_name_len)
        self.firsts = FirstNames(self.fields)
        self.texts = SymbolValues()
        self._families = _families(version, strict=strict)
        self.symbols: ByType[bytes | None] = ByType(self._symbol)
        self.columns: ByType[bytes | None] = ByType(self._column)
        self.ends: ByType[bytes] = ByType(self._end)
        self.of_kind: dict[Family, ByType[bytes | None]] = {
            family: ByType(partial(self._column_of, family))
            for family in self._families
        }

    def _column(self, kind: type) -> Writer:
        family, simple = kind_of(kind, strict=self.strict)
        write = self._families.get(family)
        return simple if write is None else _chain(kind, simple, write)

    def _column_of(self, wanted: Family, kind: type) -> Writer:
        family, simple = kind_of(kind, strict=self.strict)
        if family in (wanted, "absent", "refused"):
            return self._column(kind)
        if (wanted, family) == ("f64", "i64"):
            write = self._families["f64"]
            return lambda value: write(exact_float(simple(value)))
        return partial(_misfit, f"write {NOUNS[wanted]}")

    def _symbol(self, kind: type) -> Writer:
        if kind is str:
            return self.texts.__getitem__
        family, simple = kind_of(kind, strict=self.strict)
        if family == "str":
            return _chain(kind, simple, unquoted)
        if family == "absent":
            return simple
        return partial(_misfit, "a symbol is text, write str(value)")

    def _end(self, kind: type) -> End:
        if kind is type(None) or kind is ServerTimestampType:
            return _now
        family, simple = kind_of(kind, strict=self.strict)
        if family != "ts":
            return _no_moment
        ends = PLAIN_ENDS if self.version == 1 else ENDS
        if kind in ends:
            return ends[kind]

        def end(value: object) -> bytes:
            found = simple(value)
            if found is None:
                return _no_moment(value)
            nanos = isinstance(found, TimestampNanos)
            return ends[TimestampNanos if nanos else TimestampMicros](found)

        return end


def _families(version: int, *, strict: bool) -> dict[Family, Writer]:
    """Return what writes a value of each family, once it is of Python's own types."""
    double = values.text_double if version == 1 else values.binary_double
    moment = values.strict_timestamp if strict else values.timestamp
    found: dict[Family, Writer] = {
        "bool": values.boolean,
        "i64": values.strict_whole if strict else values.whole,
        "f64": partial(values.strict_double, double) if strict else double,
        "str": quoted,
        "ts": partial(moment, version),
        "arr": partial(array_field, strict=strict),
        "dec": partial(decimal_field, strict=strict),
    }
    for family, (first, server) in SINCE.items():
        if version < first:
            found[family] = partial(_refuse_early, family, first, server, version)
    return found


def _chain(kind: type, simple: Callable[[Any], object], write: Writer) -> Writer:
    """Return what makes a value one of Python's own, and then writes it."""
    if kind in SIMPLE:
        return write

    def both(value: object) -> bytes | None:
        found = simple(value)
        return None if found is None else write(found)

    return both


def _now(_value: object) -> bytes:
    return b"\n"


def _misfit(cure: str, value: object) -> NoReturn:
    raise RowError(f"{shown(value)} is of type {type(value).__name__}: {cure}")


def _no_moment(value: object) -> NoReturn:
    if isinstance(value, int):
        raise RowError(
            f"at={shown(value)} has no unit: write TimestampNanos({shown(value)}) or "
            f"TimestampMicros({shown(value)})"
        )
    raise RowError(
        f"at={shown(value)} is no timestamp: write TimestampNanos, TimestampMicros, a "
        "datetime, or None for the server's clock"
    )


def _refuse_early(
    family: Family, first: int, server: str, version: int, _value: object
) -> NoReturn:
    raise RowError(
        f"{NOUNS[family]} cannot be written with protocol_version={version}: use "
        f"{first} or more, which QuestDB {server} and later read"
    )

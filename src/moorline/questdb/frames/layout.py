"""What becomes of each column of a frame: the table, a symbol, a column, the moment."""

from __future__ import annotations

from operator import index
from typing import (
    TYPE_CHECKING,
    Literal,
    NamedTuple,
    NoReturn,
    SupportsIndex,
    TypeAlias,
)

from moorline.errors import RowError
from moorline.questdb.encoding import NOUNS
from moorline.questdb.rows import placed, refuse_alike, refuse_twin
from moorline.questdb.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.questdb.encoding import Encoding
    from moorline.questdb.fluent import At
    from moorline.questdb.frames.sources import Field

__all__ = ["ColumnRef", "Kind", "Layout", "Role", "Symbols", "lay_out"]

Kind: TypeAlias = Literal["symbol", "any", "at"]
Role: TypeAlias = Kind | Literal["table"]
ColumnRef: TypeAlias = str | SupportsIndex
Symbols: TypeAlias = "Literal['auto'] | bool | Sequence[ColumnRef]"


class Layout(NamedTuple):
    """What becomes of the columns of a frame.

    Args:
        table: Into which table; `None` if a column says that.
        tables: Which column says that.
        order: The columns that are written, in the order of the wire.
        names: What they are called.
        roles: What they are: symbols, columns, at last the designated timestamp.
        end: The end of each row, if no column says it.
    """

    table: str | None
    tables: int | None
    order: Sequence[int]
    names: Sequence[str]
    roles: Sequence[Kind]
    end: bytes

    @property
    def timed(self) -> bool:
        """Whether the last column is the designated timestamp."""
        return self.roles[-1] == "at"

    def schema(self) -> dict[str, Kind]:
        """Return the schema of a row."""
        return dict(zip(self.names, self.roles, strict=True))


def lay_out(
    encoding: Encoding,
    fields: Sequence[Field],
    *,
    table: str | None,
    table_name_col: ColumnRef | None,
    symbols: Symbols,
    at: At | ColumnRef,
) -> Layout:
    """Decide what becomes of the columns of a frame.

    Raises:
        RowError: A name is not allowed, or one that was given is of no column, or of
            one whose values cannot be that.
    """
    try:
        tables = _find_table(encoding, fields, table, table_name_col)
        moment, end = _find_at(encoding, fields, at)
        if tables is not None and tables == moment:
            raise _twofold(fields[tables])
        taken = {tables, moment}
        texts = _find_symbols(fields, symbols, taken)
        rest = [n for n in range(len(fields)) if n not in texts and n not in taken]
        order = [*sorted(texts), *rest]
        if not order:
            _refuse_nothing()
        names = [_checked(encoding, fields[place]) for place in order]
        _refuse_twins(names, strict=encoding.strict)
    except RowError as error:
        raise error if table is None else placed(error, table) from None
    roles: list[Kind] = ["symbol" if place in texts else "any" for place in order]
    if moment is not None:
        order.append(moment)
        # Not written, so it may be what no column is called.
        names.append(_unlike(str(fields[moment].name), names))
        roles.append("at")
    return Layout(table, tables, order, names, roles, end)


def _find_table(
    encoding: Encoding,
    fields: Sequence[Field],
    table: str | None,
    column: ColumnRef | None,
) -> int | None:
    if (table is None) == (column is None):
        raise RowError("write either table= or table_name_col=")
    if column is None:
        encoding.tables[table]  # type: ignore[index]  # refuses what is no name
        return None
    place = _find(fields, column, "table_name_col")
    if fields[place].family not in {"str", "absent", None}:
        raise _misuse(fields[place], "the table's name, which is text")
    return place


def _find_at(
    encoding: Encoding, fields: Sequence[Field], at: At | ColumnRef
) -> tuple[int | None, bytes]:
    """Return the column of the designated timestamp, or how all rows end."""
    if isinstance(at, bool) or not isinstance(at, str | SupportsIndex):
        return None, encoding.ends[type(at)](at)
    place = _find(fields, at, "at")
    field = fields[place]
    if field.family == "i64":
        raise RowError(
            f"at={at!r} is a column of whole numbers, which have no unit: cast it, as "
            f'with .astype("datetime64[ns]")'
        )
    if field.family not in {"ts", "absent", None}:
        raise _misuse(field, "the designated timestamp")
    return place, b"\n"


def _find_symbols(
    fields: Sequence[Field], symbols: Symbols, taken: set[int | None]
) -> set[int]:
    if isinstance(symbols, bool) or symbols == "auto":
        return {
            place
            for place, field in enumerate(fields)
            if place not in taken
            and field.family == "str"
            and (symbols is True or (symbols == "auto" and field.coded))
        }
    if isinstance(symbols, str):
        raise RowError(
            f'symbols={symbols!r}: write a list of columns, True, False or "auto"'
        )
    found: set[int] = set()
    for ref in symbols:
        place = _find(fields, ref, "symbols")
        if place in taken:
            raise _twofold(fields[place])
        if fields[place].family not in {"str", "absent", None}:
            raise _misuse(fields[place], "a symbol, which is text")
        found.add(place)
    return found


def _find(fields: Sequence[Field], ref: ColumnRef, option: str) -> int:
    """Return the place of a column that is given by its name or its place."""
    names = [field.name for field in fields]
    if isinstance(ref, str):
        places = [place for place, name in enumerate(names) if name == ref]
        if len(places) == 1:
            return places[0]
        count = f"{len(places)} columns" if places else "no column"
        raise RowError(
            f"{option}={ref!r}: there is {count} of that name, among {shown(names)}"
        )
    try:
        return range(len(names))[index(ref)]
    except TypeError:
        raise RowError(
            f"{option}={shown(ref)}: write the name of a column, or its place"
        ) from None
    except IndexError:
        raise RowError(
            f"{option}={ref}: there are {len(names)} columns, the first is 0"
        ) from None


def _checked(encoding: Encoding, field: Field) -> str:
    encoding.fields[field.name]  # type: ignore[index]  # refuses what is no name
    return str(field.name)


def _refuse_twins(names: Sequence[str], *, strict: bool) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            refuse_twin(name, name)
    if strict:
        refuse_alike(names)


def _unlike(name: str, names: Sequence[str]) -> str:
    """Return a name that none of the others is."""
    while name in names:
        name += "'"
    return name


def _misuse(field: Field, what: str) -> RowError:
    noun = NOUNS.get(field.family) if field.family else None
    why = f", since each value is {noun}" if noun else ""
    return RowError(f"column {field.name!r} cannot be {what}{why}: cast it")


def _twofold(field: Field) -> RowError:
    return RowError(
        f"column {field.name!r} cannot be two of a symbol, the table's name and the "
        "designated timestamp"
    )


def _refuse_nothing() -> NoReturn:
    raise RowError(
        "no column is left for a row to have: it needs one beside its table's name "
        "and its timestamp"
    )

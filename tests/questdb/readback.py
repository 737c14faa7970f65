"""Values that are sent to a real server, and what it must give back for them.

They are those of `benchmarks.questdb_parity`. Their columns are named after what they
hold, since the server has one type for each.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from math import isfinite
from typing import TYPE_CHECKING

from moorline.questdb import TimestampMicros, TimestampNanos

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

PAGE = 20_000
TABLE = "read back=1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST = -(2**63)
# The designated timestamps stay in these years, each of which is a partition.
YEARS = 10
LAST = YEARS * 365 * 86_400_000_000
# What fits into the column of the table, in digits before and behind the point.
WHOLE, PLACES = 38, 38
EXACT = Context(prec=200)
KINDS = {
    "b": "boolean",
    "i": "long",
    "d": "double",
    "s": "varchar",
    "us": "timestamp",
    "ns": "timestamp_ns",
    "dec": f"decimal({WHOLE + PLACES}, {PLACES})",
    "a1": "double[]",
    "a2": "double[][]",
    "a3": "double[][][]",
}
OF_TYPE = {bool: "b", int: "i", float: "d", str: "s", datetime: "us", Decimal: "dec"}
SYMBOLS = ("sym 0", "sym=1")
SINCE = {"a1": 2, "a2": 2, "a3": 2, "dec": 3}


def names() -> dict[str, str]:
    """Return columns and their types: two of each kind, with names to be escaped."""
    return {f"{kind} é={n}": what for kind, what in KINDS.items() for n in range(2)}


def kind_of(value: object) -> str:
    """Return the kind of a column that is made for a value."""
    match value:
        case ("array", shape, _):
            return f"a{len(shape)}"
        case (unit, _):
            return unit
    return OF_TYPE[type(value)]


def nested(shape: tuple[int, ...], values: list[float]) -> list:
    if len(shape) == 1:
        return values
    step = len(values) // shape[0]
    parts = [values[n * step : (n + 1) * step] for n in range(shape[0])]
    return [nested(shape[1:], part) for part in parts]


def real(value: object) -> object:
    """Return a value as it is given to the sender."""
    match value:
        case ("us", number):
            return TimestampMicros(number)
        case ("ns", number):
            return TimestampNanos(number)
        case ("array", shape, values):
            return nested(shape, values)
    return value


def fits(value: object, version: int) -> bool:
    """Tell whether the table has a column for a value."""
    match value:
        case None:
            return False
        case int():
            return value < 2**63
        case Decimal():
            whole = value == 0 or value.adjusted() < WHOLE
            exact = value.as_tuple().exponent >= -PLACES
            return version >= SINCE["dec"] and whole and exact
        case ("array", shape, _):
            # Lists cannot say what is behind a dimension of nothing.
            return version >= SINCE["a1"] and 0 not in shape
    return True


def stored(value: object, version: int) -> object:
    """Return what the server must have made of a value: NULL of what is no number."""
    match value:
        case ("ns", number) if version == 1:
            return toward_zero(number) * 1000
        case (_, number):
            return number
        case ("array", _, _):
            return finite(real(value))
        case Decimal():
            return EXACT.quantize(value, Decimal(1).scaleb(-PLACES))
        case datetime():
            return (value - EPOCH) // timedelta(microseconds=1)
    no_number = isinstance(value, float) and not isfinite(value)
    return None if no_number or value == LEAST else value


def finite(array: list) -> list:
    return [
        finite(one) if isinstance(one, list) else one if isfinite(one) else None
        for one in array
    ]


def toward_zero(nanos: int) -> int:
    return nanos // 1000 if nanos >= 0 else -(-nanos // 1000)


def nanos_of(at: object) -> int:
    match at:
        case ("ns", number):
            return number
        case ("us", number):
            return number * 1000
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


def expected(row: tuple, version: int) -> dict[str, object]:
    symbols, columns, at = row
    wanted: dict[str, object] = dict.fromkeys([*SYMBOLS, *names()])
    # The server has no truth value that is absent.
    wanted |= {name: False for name in wanted if name.startswith("b ")}
    wanted |= symbols
    wanted |= {name: stored(value, version) for name, value in columns.items()}
    return wanted | {"ts": nanos_of(at)}


def read(lab: QuestdbLab, count: int) -> list[dict[str, object]]:
    """Return all rows; moments as numbers, which JSON would round or reword."""
    asked = {"id": '"id"', "ts": "ts::long", **{name: f'"{name}"' for name in SYMBOLS}}
    for name in names():
        moment = name.split()[0] in {"us", "ns"}
        asked[name] = f'"{name}"::long' if moment else f'"{name}"'
    chosen = ", ".join(f'{what} "as {n}"' for n, what in enumerate(asked.values()))
    query = f'select {chosen} from "{TABLE}" order by "id"'  # noqa: S608 - our own names
    found = []
    for start in range(0, count, PAGE):
        page = lab.sql(f"{query} limit {start}, {start + PAGE}")
        found += [dict(zip(asked, row, strict=True)) for row in page]
    for row in found:
        for name in names():
            if name.startswith("dec") and row[name] is not None:
                row[name] = Decimal(row[name])
    return found


def same(found: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(found, int | float):
        return float(found) == wanted  # JSON has no difference between 1 and 1.0
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return type(found) is type(wanted) and found == wanted


def create(lab: QuestdbLab) -> None:
    columns = {"id": "long", **dict.fromkeys(SYMBOLS, "symbol"), **names()}
    listed = ", ".join(f'"{name}" {what}' for name, what in columns.items())
    lab.sql(
        f'create table "{TABLE}" ({listed}, ts timestamp_ns) timestamp(ts) '
        "partition by year wal"
    )


def differences(lab: QuestdbLab, given: list[tuple], version: int) -> list[tuple]:
    """Return where the table differs from what was given, by row and column."""
    found = read(lab, len(given))
    assert len(found) == len(given)
    return [
        (row["id"], name, row[name], value)
        for row, one in zip(found, given, strict=True)
        for name, value in expected(one, version).items()
        if not same(row[name], value)
    ]

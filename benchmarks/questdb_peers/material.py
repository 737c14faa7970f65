"""The rows that every client writes, and frames of the same rows.

A row is made from its number by arithmetic that Python, NumPy and Rust do alike, to the
last bit. A worker imports this in its client's environment: only the standard library,
and what makes a frame when one is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

__all__ = ["TABLE", "Row", "dated", "frame", "rows"]

# symbol, side, price, amount, id, and nanoseconds since 1970 or a datetime
Row = tuple[str, str, float, float, int, Any]

TABLE = "trades"
SIDES = ("buy", "sell")
FIRST = 1_700_000_000_000_000_000
STEP = 1_000_003  # nanoseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FACTOR, MASK = 2_654_435_761, 0xFFFF_FFFF
PRICES, CENTS = 5_000_000, 100.0
PRIME = 4_294_967_291.0  # so that amounts have all the digits that a double has


@cache
def rows(count: int, symbols: int) -> list[Row]:
    """Return rows with so many distinct symbols."""
    names = _symbols(symbols)
    made: list[Row] = []
    for number in range(count):
        mixed = (number + 1) * FACTOR & MASK
        made.append(
            (
                names[(mixed >> 16) % symbols],
                SIDES[(mixed >> 9) % len(SIDES)],
                (mixed >> 3) % PRICES / CENTS,
                ((number + 2) * FACTOR & MASK) / PRIME,
                number,
                FIRST + number * STEP,
            )
        )
    return made


@cache
def dated(count: int, symbols: int) -> list[Row]:
    """Return the same rows with datetimes, which have microseconds."""
    return [
        (*row[:-1], EPOCH + timedelta(microseconds=row[-1] // 1000))
        for row in rows(count, symbols)
    ]


@cache
def frame(kind: str, count: int, symbols: int) -> Any:  # noqa: ANN401 - of any library
    """Return the rows as a frame of pandas, pyarrow or polars.

    Symbols are categories, or dictionaries, which is the same by another name.
    """
    import numpy as np  # noqa: PLC0415 - not for those who write rows

    number = np.arange(count, dtype=np.uint64)
    mixed = (number + np.uint64(1)) * np.uint64(FACTOR) & np.uint64(MASK)
    other = (number + np.uint64(2)) * np.uint64(FACTOR) & np.uint64(MASK)
    columns = {
        "symbol": ((mixed >> np.uint64(16)) % np.uint64(symbols)).astype(np.int8),
        "side": ((mixed >> np.uint64(9)) % np.uint64(len(SIDES))).astype(np.int8),
        "price": ((mixed >> np.uint64(3)) % np.uint64(PRICES)) / CENTS,
        "amount": other / PRIME,
        "id": number.astype(np.int64),
        "ts": (np.int64(FIRST) + number.astype(np.int64) * STEP).view("M8[ns]"),
    }
    if kind == "pandas":
        return _pandas(columns, symbols)
    return _arrow(columns, symbols, polars=kind == "polars")


def _symbols(count: int) -> list[str]:
    return [f"SYM{number}-USDT" for number in range(count)]


def _pandas(columns: dict[str, Any], symbols: int) -> Any:  # noqa: ANN401 - pandas's
    import pandas as pd  # noqa: PLC0415 - as above

    kept = dict(columns)
    for name, known in (("symbol", _symbols(symbols)), ("side", SIDES)):
        kept[name] = pd.Categorical.from_codes(columns[name], categories=list(known))
    return pd.DataFrame(kept)


def _arrow(columns: dict[str, Any], symbols: int, *, polars: bool) -> Any:  # noqa: ANN401 - either's
    import pyarrow as pa  # noqa: PLC0415 - as above

    kept = dict(columns)
    for name, known in (("symbol", _symbols(symbols)), ("side", SIDES)):
        codes = pa.array(columns[name], pa.int32())
        kept[name] = pa.DictionaryArray.from_arrays(codes, pa.array(known))
    table = pa.table(kept)
    if not polars:
        return table
    import polars as pl  # noqa: PLC0415 - as above

    return pl.from_arrow(table)

"""Random frames, sent to a real server and read back by SQL as they were given.

By hand, with many more::

    READBACK_FRAMES=1000 python -m pytest tests/questdb/test_readback_of_frames.py
"""

from __future__ import annotations

import os
import random
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from benchmarks import questdb_parity as source
from moorline.questdb import Sender
from tests.questdb.readback import (
    KINDS,
    LAST,
    SINCE,
    SYMBOLS,
    TABLE,
    create,
    differences,
    fits,
    kind_of,
    real,
    stored,
)
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

FRAMES = int(os.environ.get("READBACK_FRAMES", "60"))
LENGTHS = (1, 2, 5, 12, 30, 400)  # the last is long enough to be sent in chunks
POOL = 200  # values of each kind, of which cells have one
DOUBLES = pa.float64()
# By kind: what pyarrow, and what pandas, may have it in.
ARROW = {
    "b": [pa.bool_()],
    "i": [pa.int64()],
    "d": [DOUBLES],
    "s": [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    "us": [pa.timestamp("us", "UTC"), pa.timestamp("us")],
    "ns": [pa.timestamp("ns", "UTC"), pa.timestamp("ns")],
    "dec": [pa.decimal256(76, 38)],
    "a1": [pa.list_(DOUBLES), pa.large_list(DOUBLES)],
    "a2": [pa.list_(pa.list_(DOUBLES))],
    "a3": [pa.list_(pa.list_(pa.list_(DOUBLES)))],
}
PANDAS = {
    "b": ["boolean", "object", "bool[pyarrow]"],
    "i": ["Int64", "object", "int64[pyarrow]"],
    "d": ["float64", "object", "double[pyarrow]"],
    "s": ["str", "object", "category", "string[pyarrow]"],
    "us": ["datetime64[us]", "object"],
    "ns": ["datetime64[ns]", "object"],
}

Column = tuple[str, list[object]]  # its kind, and its values


class Maker:
    """Makes frames of random columns, of one kind of source or another.

    Args:
        dice: Decides everything.
        version: The protocol version, which not all values are for.
    """

    def __init__(self, dice: random.Random, version: int) -> None:
        self.dice = dice
        self.version = version
        self.rows: list[tuple] = []
        kinds = [kind for kind in KINDS if version >= SINCE.get(kind, 1)]
        self.pools: dict[str, list[object]] = {kind: [] for kind in kinds}
        while any(len(pool) < POOL for pool in self.pools.values()):
            value = source._value(dice)
            if fits(value, version):
                self.pools[kind_of(value)].append(value)
        self.sources = [self.pandas, self.arrow, self.polars, self.lists, self.dicts]

    def frame(self) -> tuple[object, list[str]]:
        """Return a frame, and which of its columns are symbols."""
        dice, count = self.dice, self.dice.choice(LENGTHS)
        symbols = [name for name in SYMBOLS if dice.randrange(3)]
        first = len(self.rows)
        columns: dict[str, Column] = {"id": ("i", list(range(first, first + count)))}
        for name in symbols:
            columns[name] = ("s", self.cells("s", count))
        for kind in dice.sample(list(self.pools), dice.randrange(5)):
            name = f"{kind} é={dice.randrange(2)}"
            columns[name] = (kind, self.cells(kind, count))
        unit = dice.choice(("us", "ns"))
        most = LAST if unit == "us" else LAST * 1000
        columns["at"] = (unit, [(unit, dice.randrange(most)) for _ in range(count)])
        self.note(columns, symbols)
        return dice.choice(self.sources)(columns), symbols

    def cells(self, kind: str, count: int) -> list[object]:
        pool = self.pools[kind]
        absent = self.dice.choice((0.0, 0.3, 1.0))
        return [
            None if self.dice.random() < absent else self.dice.choice(pool)
            for _ in range(count)
        ]

    def note(self, columns: dict[str, Column], symbols: list[str]) -> None:
        """Remember the rows, as rows are given one by one."""
        names = [name for name in columns if name != "at"]
        for place, at in enumerate(columns["at"][1]):
            cells = {name: columns[name][1][place] for name in names}
            cells = {name: cell for name, cell in cells.items() if cell is not None}
            texts = {name: cells.pop(name) for name in symbols if name in cells}
            self.rows.append((texts, cells, at))

    def arrow(self, columns: dict[str, Column]) -> pa.Table:
        return pa.table(
            {
                name: pa.array(
                    [bare(value) for value in values], self.dice.choice(ARROW[kind])
                )
                for name, (kind, values) in columns.items()
            }
        )

    def polars(self, columns: dict[str, Column]) -> object:
        if any(kind == "dec" for kind, _ in columns.values()):
            return self.arrow(columns)  # polars has 38 digits only
        return pl.from_arrow(self.arrow(columns))

    def pandas(self, columns: dict[str, Column]) -> pd.DataFrame:
        made = {}
        for name, (kind, values) in columns.items():
            dtype = self.dice.choice(PANDAS.get(kind, ["object"]))
            if dtype.startswith("datetime64"):
                counts = ["NaT" if v is None else count_of(v) for v in values]
                moments = [np.datetime64(count, dtype[11:13]) for count in counts]
                made[name] = pd.Series(np.array(moments, dtype))
            else:
                cells = [real(value) for value in values]
                made[name] = pd.Series(cells, dtype=dtype)
        return pd.DataFrame(made)

    def lists(self, columns: dict[str, Column]) -> dict[str, list[object]]:
        return {
            name: [real(value) for value in values]
            for name, (_, values) in columns.items()
        }

    def dicts(self, columns: dict[str, Column]) -> list[dict[str, object]]:
        cells = zip(*self.lists(columns).values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in cells]


def count_of(moment: object) -> int:
    """Return a moment as so many of its unit."""
    return stored(moment, 3)


def bare(value: object) -> object:
    """Return a value as pyarrow takes it."""
    match value:
        case datetime() | ("us" | "ns", _):
            return count_of(value)
    return real(value)


@pytest.mark.timeout(60 + FRAMES)
@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:moments without a timezone")
def test_what_was_sent_is_there(questdb_lab: QuestdbLab, version: int) -> None:
    create(questdb_lab)
    made = Maker(random.Random(version), version)
    options = {"protocol_version": version, "auto_flush_rows": 300}
    with Sender.from_conf(conf(questdb_lab, "https", **options)) as sender:
        for _ in range(FRAMES):
            frame, symbols = made.frame()
            sender.dataframe(frame, table=TABLE, symbols=symbols, at="at")
    questdb_lab.wait_rows(TABLE, len(made.rows), timeout=60)
    assert differences(questdb_lab, made.rows, version) == []

"""Random rows, sent to a real server and read back by SQL as they were given.

By hand, with many more rows::

    READBACK_ROWS=100000 python -m pytest tests/questdb/test_readback.py
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks import questdb_parity as source
from moorline.questdb import Sender
from tests.questdb.readback import (
    EPOCH,
    LAST,
    SYMBOLS,
    TABLE,
    create,
    differences,
    fits,
    kind_of,
    real,
)
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

ROWS = int(os.environ.get("READBACK_ROWS", "3000"))


def rows(dice: random.Random, count: int, version: int) -> list[tuple]:
    """Return symbols, columns and a timestamp for each."""
    found = []
    for number in range(count):
        symbols = {name: source._text(dice) for name in SYMBOLS if dice.randrange(3)}
        columns: dict[str, object] = {"id": number}
        for _ in range(dice.randrange(8)):
            value = source._value(dice)
            if fits(value, version):
                columns[f"{kind_of(value)} é={dice.randrange(2)}"] = value
        micros = dice.randrange(LAST)
        at = dice.choice(
            [
                ("us", micros),
                ("ns", micros * 1000 + dice.randrange(1000)),
                EPOCH + timedelta(microseconds=micros),
            ]
        )
        found.append((symbols, columns, at))
    return found


@pytest.mark.timeout(60 + ROWS / 100)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_was_sent_is_there(questdb_lab: QuestdbLab, version: int) -> None:
    create(questdb_lab)
    given = rows(random.Random(version), ROWS, version)
    options = {"protocol_version": version, "auto_flush_rows": 1000}
    with Sender.from_conf(conf(questdb_lab, "https", **options)) as sender:
        for symbols, columns, at in given:
            values = {name: real(value) for name, value in columns.items()}
            sender.row(TABLE, symbols=symbols, columns=values, at=real(at))
    questdb_lab.wait_rows(TABLE, ROWS, timeout=60)
    assert differences(questdb_lab, given, version) == []

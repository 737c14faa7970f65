"""Frames go on through faults: long ones, sent while they are written, and short."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from moorline.errors import IngestError
from tests.questdb.chaos.course import (
    FAULTS,
    FIRST,
    OPTIONS,
    ROWS,
    SEED,
    TABLE,
    Course,
)
from tests.questdb.senders import FACES, KINDS, conf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import QuestdbLab

LONGEST = 20 * OPTIONS["auto_flush_rows"]


def frame(first: int, last: int) -> dict[str, object]:
    """Return rows as `moorline`'s other streams have them; see `course.row`."""
    numbers = np.arange(first, last)
    return {
        "side": ["buy" if number % 2 else "sell" for number in numbers],
        "id": numbers,
        "x": numbers * 0.5,
        "text": [f"é {number}" for number in numbers],
        "at": (FIRST + numbers).astype("datetime64[us]"),
    }


def frames() -> Iterator[tuple[int, int]]:
    """Yield where frames begin and end, by a plan that the seed decides."""
    dice = random.Random(SEED)
    first = 0
    while first < ROWS:
        last = min(first + dice.choice([1, 100, 1000, LONGEST]), ROWS)
        yield first, last
        first = last


@pytest.mark.timeout(60 + FAULTS * 10 + ROWS / 1000)
@pytest.mark.parametrize("protocol", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_row_of_a_stream_of_frames_is_lost(
    questdb_lab: QuestdbLab, kind: str, protocol: str
) -> None:
    with closing(Course(questdb_lab, ROWS, FAULTS, SEED)) as course:
        course.create()
        sender = FACES[kind](conf(questdb_lab, protocol, **OPTIONS))
        for first, last in frames():
            while course.is_due(last):
                course.begin_fault()
            try:
                sender.dataframe(
                    frame(first, last), table=TABLE, symbols=["side"], at="at"
                )
            except IngestError:
                course.refused()  # what was not acknowledged of the frame is kept
        course.wait()
        course.flush(sender.flush)
        assert sender.kept == 0
        sender.close()
        course.check()

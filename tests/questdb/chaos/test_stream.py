"""A stream goes on through faults, and every row that was taken is stored.

By hand, larger::

    CHAOS_ROWS=1000000 CHAOS_FAULTS=20 python -m pytest tests/questdb/chaos
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError
from moorline.questdb import AsyncSender, Sender
from tests.questdb.chaos.course import (
    FAULTS,
    FLUSHES,
    OPTIONS,
    ROWS,
    SEED,
    TABLE,
    Course,
    row,
)
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import QuestdbLab

pytestmark = pytest.mark.timeout(60 + FAULTS * 10 + ROWS / 1000)
PROTOCOLS = pytest.mark.parametrize("protocol", ["http", "https"])


@pytest.fixture
def course(questdb_lab: QuestdbLab) -> Iterator[Course]:
    with closing(Course(questdb_lab, ROWS, FAULTS, SEED)) as made:
        made.create()
        yield made


@PROTOCOLS
def test_no_row_of_a_stream_is_lost(
    questdb_lab: QuestdbLab, course: Course, protocol: str
) -> None:
    sender = Sender.from_conf(conf(questdb_lab, protocol, **OPTIONS))
    for number in range(ROWS):
        if course.is_at_fault(number):
            course.begin_fault()
        symbols, columns, at = row(number)
        try:
            sender.row(TABLE, symbols=symbols, columns=columns, at=at)
        except IngestError:
            course.refused()  # the row is kept with all others
    course.wait()
    course.flush(sender.flush)
    assert len(sender) == 0
    sender.close()
    course.check()


@PROTOCOLS
async def test_no_row_of_an_asynchronous_stream_is_lost(
    questdb_lab: QuestdbLab, course: Course, protocol: str
) -> None:
    sender = AsyncSender.from_conf(conf(questdb_lab, protocol, **OPTIONS))
    for number in range(ROWS):
        if course.is_at_fault(number):
            await asyncio.to_thread(course.begin_fault)
        symbols, columns, at = row(number)
        try:
            await sender.row(TABLE, symbols=symbols, columns=columns, at=at)
        except IngestError:
            course.refused()  # the row is kept with all others
    await asyncio.to_thread(course.wait)
    for _ in range(FLUSHES):
        try:
            await sender.flush()
            break
        except IngestError:
            course.refused()
    assert len(sender) == 0
    await sender.close()
    await asyncio.to_thread(course.check)

"""A stream of rows and the faults that befall it, by a plan that a seed decides."""

from __future__ import annotations

import os
import random
import threading
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from moorline.errors import IngestError
from moorline.questdb import TimestampMicros

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab

ROWS = int(os.environ.get("CHAOS_ROWS", "20000"))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "4"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
TABLE = "stream"
FIRST = 1_700_000_000_000_000
AWAY = 0.3  # seconds without a listener
FLUSHES = 50  # tries at the end, each of them with retries of its own
OPTIONS = {
    "auto_flush_rows": 400,
    "request_timeout": 1000,
    "retry_timeout": 300,
    "protocol_version": 2,
}


def row(number: int) -> tuple[dict[str, str], dict[str, object], TimestampMicros]:
    """Return symbols, columns and timestamp of a row, of which each is different."""
    return (
        {"side": "buy" if number % 2 else "sell"},
        {"id": number, "x": number * 0.5, "text": f"é {number}"},
        TimestampMicros(FIRST + number),
    )


class Course:
    """The plan of one stream, and the thread in which faults happen while it goes on.

    Args:
        lab: The server, and the front at which faults are armed.
        rows: How many rows there will be.
        faults: How many faults.
        seed: Decides where and in which order.
    """

    def __init__(self, lab: QuestdbLab, rows: int, faults: int, seed: int) -> None:
        self.lab = lab
        self.rows = rows
        self.refusals = 0  # how often a sender said that it had not delivered
        dice = random.Random(seed)
        kinds = self._kinds()
        names = ["kill", "cut after answer", "answer 503", "cut in request"]
        others = [name for name in kinds if name not in names]
        dice.shuffle(others)
        names = [*names, *others]
        self.planned = [names[n % len(names)] for n in range(faults)]
        places = sorted(dice.sample(range(rows // 20, rows), faults))
        self._todo = [
            (place, kinds[name])
            for place, name in zip(places, self.planned, strict=True)
        ]
        self._next = self._todo[0][0]
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._over = threading.Semaphore(1)
        self._failed: list[Exception] = []
        self._thread = threading.Thread(target=self._work, name="faults")
        self._thread.start()

    def _kinds(self) -> dict[str, Callable[[], object]]:
        faults = self.lab.faults
        return {
            "kill": self._kill,
            "answer 503": partial(faults.answer, 503, times=3),
            "cut before request": partial(faults.cut, "before request"),
            "cut in request": partial(faults.cut, "in request", times=2),
            "cut in answer": partial(faults.cut, "in answer"),
            "cut after answer": partial(faults.cut, "after answer", times=2),
            "cut now": faults.cut_now,
            "reset": partial(faults.greet, "reset", times=2),
            "silence": faults.silence,
            "away": self._away,
        }

    def _kill(self) -> None:
        self.lab.kill()
        self.lab.restart()

    def _away(self) -> None:
        self.lab.faults.refuse()
        threading.Event().wait(AWAY)
        self.lab.faults.admit()

    def is_at_fault(self, number: int) -> bool:
        """Tell whether a fault is due before a row."""
        return number == self._next

    def is_due(self, number: int) -> bool:
        """Tell whether a fault is due before a row, or one before that."""
        return 0 <= self._next < number

    def begin_fault(self) -> None:
        """Begin the fault that is due, once the one before is over."""
        self._over.acquire()
        _, act = self._todo.pop(0)
        self._next = self._todo[0][0] if self._todo else -1
        self._jobs.put(act)

    def refused(self) -> None:
        """Count an error that the stream survived."""
        self.refusals += 1

    def flush(self, flush: Callable[[], object]) -> None:
        """Flush until nothing is refused any more, or too often."""
        for _ in range(FLUSHES):
            try:
                flush()
                break
            except IngestError:
                self.refused()

    def wait(self) -> None:
        """Wait until the last fault is over, which may be the server's return."""
        self._over.acquire()
        self._over.release()

    def close(self) -> None:
        """End the thread, and raise what went wrong in it."""
        self._jobs.put(None)
        self._thread.join()
        for error in self._failed:
            raise error

    def _work(self) -> None:
        while (act := self._jobs.get()) is not None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - it is raised by close()
                self._failed.append(error)
            self._over.release()

    def create(self) -> None:
        """Make the table, in which a row that comes twice is one."""
        self.lab.sql(
            f"create table {TABLE} (side symbol, id long, x double, text varchar, "
            "timestamp timestamp) timestamp(timestamp) partition by day wal "
            "dedup upsert keys(timestamp, id)"
        )

    def check(self) -> None:
        """Compare what is stored with what was sent, value by value."""
        self.lab.wait_rows(TABLE, self.rows, timeout=20 + self.rows / 20_000)
        ((count, total, last),) = self.lab.sql(
            f"select count_distinct(id), sum(id), max(id) from {TABLE}"  # noqa: S608 - a name of ours
        )
        assert (count, last) == (self.rows, self.rows - 1)
        assert total == self.rows * (self.rows - 1) // 2
        wrong = self.lab.sql(
            f"select id from {TABLE} where x != id * 0.5 or text != concat('é ', id) "  # noqa: S608 - the same
            f"or timestamp::long != {FIRST} + id "
            "or side != case when id % 2 = 1 then 'buy' else 'sell' end limit 5"
        )
        assert wrong == []
        befallen = {one.fault.split(" ")[0] for one in self.lab.requests if one.fault}
        armed = {"answer 503", "cut after answer", "cut in request"}
        assert befallen >= {one.split(" ")[0] for one in self.planned if one in armed}

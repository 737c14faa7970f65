"""Statements that define things: one per transaction, and the jobs they begin.

Aurora DSQL takes one such statement in a transaction and builds indexes in the
background: ``CREATE INDEX ASYNC`` answers with a ``job_id``, and ``sys.jobs`` tells how
it is doing; see its user guide, "Asynchronous indexes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from moorline.core.backoff import Backoff
from moorline.core.flow import Step
from moorline.core.steps import Now, Sleep
from moorline.errors import ConfigError, DeadlineExceeded, JobFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorline.core.flow import Flow

__all__ = ["Row", "Statement", "defining"]

Row: TypeAlias = Mapping[str, object]

POLLING = Backoff(base=0.1, cap=5.0, factor=1.5, jitter=0.0)
FINISHED = "completed"
FAILED = frozenset({"failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Statement(Step[Sequence[Row]]):
    """Run a statement in a transaction of its own; its rows come back, if any."""

    sql: str


def defining(statements: Iterable[str], timeout: float | None) -> Flow[None]:
    """Run statements one after the other, and wait for the job that one began.

    Args:
        statements: A statement each.
        timeout: Seconds to wait for a job; `None` for no limit.

    Raises:
        ConfigError: It is one text instead of several.
        DeadlineExceeded: A job took longer.
        JobFailed: A job failed.
    """
    if isinstance(statements, str):
        raise ConfigError("statements: give a list, with one statement in each text")
    for sql in statements:
        for row in (yield from Statement(sql)) or ():
            job = row.get("job_id")
            if job:
                yield from _job(str(job), sql, timeout)


def _job(job: str, sql: str, timeout: float | None) -> Flow[None]:
    began = yield from Now()
    literal = job.replace("'", "''")
    looks = 0
    while True:
        looks += 1
        query = f"select status, details from sys.jobs where job_id = '{literal}'"  # noqa: S608 - quoted
        rows = yield from Statement(query)
        status = str(rows[0]["status"]) if rows else "unknown to sys.jobs"
        if status == FINISHED:
            return
        if status in FAILED or not rows:
            details = str(rows[0]["details"]) if rows else ""
            raise JobFailed(f"job {job} of {sql!r} is {status}: {details}", job)
        pause = POLLING.delay(looks, 0.0)
        now = yield from Now()
        if timeout is not None and now + pause - began > timeout:
            raise DeadlineExceeded(
                f"job {job} of {sql!r} is {status} after {timeout:g} s",
                hint="It goes on by itself; sys.jobs tells how it is doing",
            )
        yield from Sleep(pause)

"""Finding out what became of a COMMIT whose reply was lost; see `receipts`."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from moorline.core.retry import RetryPolicy
from moorline.core.steps import Sleep
from moorline.dsql.occ import is_occ_error
from moorline.dsql.transactions.course import Course
from moorline.dsql.transactions.receipts import Answer, Receipts
from moorline.dsql.transactions.returning import give_back
from moorline.dsql.transactions.session import Acquire, Begin, Run

if TYPE_CHECKING:
    from uuid import UUID

    from moorline.core.flow import Flow
    from moorline.dsql.transactions.surroundings import Surroundings

__all__ = ["look_up"]

logger = logging.getLogger(__name__)

# SQLSTATE classes that may pass: connections, resources, shutdown, internal errors.
PASSING = ("08", "53", "57", "XX", "40")


def look_up(here: Surroundings, receipts: Receipts, operation: UUID) -> Flow[bool]:
    """Tell whether an operation was committed; if not, it never will be.

    Whatever stands in the way is given the time of the policy's deadline, counted anew,
    or 30 s if it has none.

    Raises:
        Exception: It could not be found out, for this reason.
    """
    deadline = here.policy.deadline or RetryPolicy().deadline
    course = Course(replace(RetryPolicy(), deadline=deadline), here.clock())
    mark = uuid4()
    while True:
        try:
            return (yield from _look(here, receipts.write_again(operation, mark)))
        except Exception as error:
            again = course.again(here.clock(), here.dice())
            if again is None or not _may_pass(error):
                raise
            logger.debug("operation %s is looked up again: %s", operation, error)
        course = again.course
        yield from Sleep(again.delay)


def _look(here: Surroundings, sql: str) -> Flow[bool]:
    conn = yield from Acquire()
    try:
        yield from Begin(conn)
        answer = Receipts.read((yield from Run(conn, sql)))
        if answer is Answer.FREE:
            yield from Run(conn, "COMMIT")
    finally:
        yield from give_back(here.driver, conn)
    return answer is Answer.TAKEN


def _may_pass(error: Exception) -> bool:
    code = getattr(error, "sqlstate", None)
    return is_occ_error(error) or not isinstance(code, str) or code.startswith(PASSING)

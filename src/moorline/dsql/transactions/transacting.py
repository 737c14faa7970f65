"""One transaction and its attempts: flows that begin an attempt, and end it.

No connection of a pool is held while time passes between two attempts, nor while an
outcome is looked up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import uuid4

from moorline.core.steps import Sleep
from moorline.dsql.transactions import telling
from moorline.dsql.transactions.course import Again, Course, Exhausted, Unknown
from moorline.dsql.transactions.joined import ledger_of
from moorline.dsql.transactions.looking import look_up
from moorline.dsql.transactions.outcome import Stage, State, Trouble, conflict_of
from moorline.dsql.transactions.returning import give_back, release
from moorline.dsql.transactions.session import Acquire, Begin, Run

if TYPE_CHECKING:
    from uuid import UUID

    from moorline.core.flow import Flow
    from moorline.dsql.transactions.course import Verdict
    from moorline.dsql.transactions.joined import Ledger
    from moorline.dsql.transactions.surroundings import Surroundings

__all__ = ["Transacting"]

logger = logging.getLogger(__name__)

NO_SUCH_TABLE = "42P01"
IN_FAILED_TRANSACTION = "25P02"


class Transacting:
    """One transaction.

    Attributes:
        over: Whether there is no further attempt, whatever came of it.
    """

    def __init__(self, here: Surroundings) -> None:
        self.over = False
        self._here = here
        self._course = Course(here.policy, here.clock())
        self._pause = 0.0
        self._conn: object = None
        self._ledger: Ledger | None = None
        self._operation: UUID | None = None
        here.counter.add("transactions")

    def enter(self) -> Flow[object]:
        """Begin an attempt, when it is time; return the connection for it.

        Raises:
            Exception: There is no connection to be had, or no transaction on it.
        """
        while True:
            self.over = True  # unless it goes on
            if self._pause:
                yield from Sleep(self._pause)
            if (yield from self._begin()):
                return self._conn

    def _begin(self) -> Flow[bool]:
        """Take a connection and begin on it; tell whether that went well."""
        here = self._here
        stage, state, conn = Stage.ACQUIRE, None, None
        try:
            conn = yield from Acquire()
            self._refuse_open(conn)
            stage = Stage.BEGIN
            yield from Begin(conn)
        except BaseException as error:
            if stage is Stage.BEGIN:
                state = here.driver.state(conn)
                yield from self._let_go(conn)
            trouble = Trouble(stage, error, state, here.pooled)
            if not self._goes_on(self._judge(trouble), trouble):
                raise
            return False
        self._conn, self._ledger, self._operation = conn, ledger_of(conn), None
        return True

    def _refuse_open(self, conn: object) -> None:
        driver = self._here.driver
        usable = {State.IDLE, State.LOST}
        if not self._here.pooled and driver.state(conn) not in usable:
            raise telling.nested(driver, conn)

    def leave(self, error: BaseException | None) -> Flow[bool]:
        """End an attempt: by COMMIT, unless the function raised an error.

        Returns:
            Whether that settles it, or another attempt does: `False` lets the
            function's own error out.

        Raises:
            Exception: The transaction came to nothing, or nobody knows.
        """
        here, conn = self._here, self._conn
        driver, self.over = here.driver, True
        if self._ledger is not None:
            self._ledger.is_open = False
        if error is None:
            trouble = yield from self._commit(conn)
            if trouble is None:
                yield from self._finish(conn)
                return True
        else:
            driver.explain(error)
            trouble = Trouble(Stage.BODY, error, driver.state(conn), here.pooled)
        verdict = self._judge(trouble)
        if isinstance(verdict, Unknown):
            return (yield from self._find_out(conn, trouble.error))
        yield from self._let_go(conn)
        if self._goes_on(verdict, trouble):
            return True
        if trouble.error is error:
            return False
        raise trouble.error

    def _commit(self, conn: object) -> Flow[Trouble | None]:
        """Send COMMIT, and the receipt before it; return what went wrong."""
        here = self._here
        driver = here.driver
        state = driver.state(conn)
        forbidden = self._forbidden(state)
        if forbidden is not None:
            return Trouble(Stage.BODY, forbidden, state, here.pooled)
        stage = Stage.BODY
        try:
            if here.receipts:
                self._operation = uuid4()
                yield from Run(conn, here.receipts.write(self._operation))
            if state in {State.OPEN, State.FAILED}:
                stage = Stage.COMMIT
            tag = yield from Run(conn, "COMMIT")
        except BaseException as failure:  # noqa: BLE001 - judged by the caller
            error: BaseException = failure
            if stage is Stage.BODY or isinstance(failure, driver.unsent):
                stage, error = Stage.BODY, self._read(failure)
            return Trouble(stage, error, driver.state(conn), here.pooled)
        if tag == "COMMIT":
            return None
        told = telling.rolled_back(driver, None)
        return Trouble(stage, told, driver.state(conn), here.pooled)

    def _forbidden(self, state: State) -> Exception | None:
        """Return why COMMIT must not be sent."""
        if state is State.IDLE:
            return telling.ended(self._here.driver)
        cause = self._ledger.doomed_by if self._ledger else None
        if cause is None:
            return None
        told = telling.rolled_back(self._here.driver, cause)
        told.__cause__ = cause
        return told

    def _read(self, error: BaseException) -> BaseException:
        """Return what an error of writing the receipt really means."""
        told: Exception
        match getattr(error, "sqlstate", None):
            case code if code == NO_SUCH_TABLE and self._here.receipts:
                told = self._here.receipts.missing()
            case code if code == IN_FAILED_TRANSACTION:
                told = telling.rolled_back(self._here.driver, None)
            case _:
                return error
        told.__cause__ = error
        return told

    def _let_go(self, conn: object) -> Flow[None]:
        """Give the connection of an attempt back that came to nothing, or may have."""
        try:
            yield from give_back(self._here.driver, conn)
        except BaseException:
            self._here.counter.add("failed")
            raise

    def _finish(self, conn: object) -> Flow[None]:
        """Let go of the connection of a transaction that is committed."""
        self._here.counter.add("commits")
        try:
            yield from release(self._here.driver, conn)
        except BaseException as error:
            error.add_note("the transaction had been committed by then")
            raise

    def _find_out(self, conn: object, error: BaseException) -> Flow[bool]:
        """Look up what became of a COMMIT, or say that nobody knows."""
        here, operation, why = self._here, self._operation, ""
        here.driver.close(conn)
        try:
            yield from release(here.driver, conn)
        except BaseException as stop:  # noqa: BLE001 - told with the outcome
            error = stop
        if here.receipts and operation and isinstance(error, Exception):
            try:
                done = yield from look_up(here, here.receipts, operation)
            except Exception as failure:  # noqa: BLE001 - told with the other
                why = f"It could not be looked up: {failure}. "
            except BaseException as stop:
                raise self._unknown(stop, why) from stop
            else:
                return self._resolve(error, done=done)
        raise self._unknown(error, why) from error

    def _unknown(self, error: BaseException, why: str) -> BaseException:
        self._here.counter.add("unknown")
        told = telling.unknown(self._here.driver, error, self._operation, why)
        logger.error("the outcome of a transaction is unknown: %s", type(told).__name__)
        return told

    def _resolve(self, error: Exception, *, done: bool) -> bool:
        here = self._here
        here.counter.add("resolved")
        if done:
            here.counter.add("commits")
            return True
        again = self._course.again(here.clock(), here.dice())
        if again is not None:
            self._adopt(again, "a lost connection")
            return True
        here.counter.add("failed")
        error.add_note("its receipt tells that the transaction was not committed")
        raise error

    def _judge(self, trouble: Trouble) -> Verdict:
        here = self._here
        return self._course.after(trouble, here.clock(), here.dice())

    def _goes_on(self, verdict: Verdict, trouble: Trouble) -> bool:
        """Tell whether there is another attempt; raise if conflicts used all up."""
        here, error = self._here, trouble.error
        kind = conflict_of(error)
        if kind is not None:
            here.counter.add("conflicts")
        match verdict:
            case Again():
                self._adopt(verdict, kind.value if kind else "a dead connection")
                return True
            case Exhausted():
                here.counter.add("exhausted")
                told = telling.exhausted(
                    here.driver.exhausted, verdict, here.policy, error
                )
                logger.error("%s", told)
                raise told from error
            case _:
                here.counter.add("failed")
                return False

    def _adopt(self, again: Again, code: str) -> None:
        replaced = again.course.replaced > self._course.replaced
        self._here.counter.add("replaced" if replaced else "retries")
        self._course, self._pause, self.over = again.course, again.delay, False
        logger.debug(
            "attempt %d met %s: the next one in %.1f ms",
            again.course.failures + again.course.replaced,
            code,
            again.delay * 1000,
        )

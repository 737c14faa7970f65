"""The errors of transactions, with what was tried, what it means and what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorline.dsql.occ import OCCType

if TYPE_CHECKING:
    from uuid import UUID

    from moorline import errors
    from moorline.core.retry import RetryPolicy
    from moorline.dsql.transactions.course import Exhausted
    from moorline.dsql.transactions.session import Driver

__all__ = [
    "ended",
    "exhausted",
    "nested",
    "rolled_back",
    "unknown",
]

CURES = {
    OCCType.DATA: "Let fewer transactions write the same rows, or allow more attempts",
    OCCType.SCHEMA: "The schema keeps changing: wait until that is over",
    OCCType.UNKNOWN: "Let fewer transactions write the same rows, or allow more "
    "attempts",
}


def exhausted(
    make: type[errors.OCCRetryExhausted],
    verdict: Exhausted,
    policy: RetryPolicy,
    last: BaseException,
) -> errors.OCCRetryExhausted:
    """Return the error for a transaction that met conflicts until the end."""
    kind, attempts, elapsed = verdict.kind, verdict.attempts, verdict.elapsed
    limit = None if policy.deadline is None else f"{policy.deadline:g}"
    return make(
        f"not committed: {attempts} attempts within {elapsed:.3f} s met a conflict, "
        f"the last one {kind.name} ({kind.value}), and the policy allows "
        f"max_attempts={policy.max_attempts}, deadline={limit}. The last error: "
        f"{_said(last)}. {CURES[kind]}",
        attempts=attempts,
        kind=kind,
        elapsed=elapsed,
    )


def unknown(
    driver: Driver, error: BaseException, operation: UUID | None, why: str = ""
) -> BaseException:
    """Return the error for an outcome that nobody knows.

    If the caller was cancelled or interrupted, it is that as well. Whatever else wants
    to end the program is left as it is, with a note.
    """
    match error:
        case Exception():
            make = driver.unknown
        case asyncio.CancelledError():
            make = driver.cancelled
        case KeyboardInterrupt():
            make = driver.interrupted
        case _:
            error.add_note("COMMIT was sent, and its outcome is unknown")
            return error
    text = f"COMMIT was sent and its reply is not known: {_said(error)}. {why}"
    cure = (
        "The work is done, or not: look before you do it again; receipt='<table>' lets "
        "moorline find out"
        if operation is None
        else f"Operation {operation} is in the table of receipts if it was committed"
    )
    return make(f"{text}{cure}", operation_id=operation)


def rolled_back(driver: Driver, cause: BaseException | None) -> Exception:
    """Return the error for a COMMIT that did not, or must not, commit."""
    what = (
        "COMMIT was answered with ROLLBACK"
        if cause is None
        else f"a block within it was left by an error ({_said(cause)}), and nothing "
        "can be undone alone"
    )
    return driver.rolled_back(
        f"not committed: {what}. The function caught an error of a statement and "
        "returned as if nothing had happened: let the error out"
    )


def _said(error: BaseException) -> str:
    """Return the first line of an error: drivers go on to say what may be the cause."""
    return str(error).partition("\n")[0] or type(error).__name__


def ended(driver: Driver) -> Exception:
    """Return the error for a function that ended the transaction itself."""
    return driver.ended(
        "the function ended the transaction itself, by COMMIT or ROLLBACK, or by a "
        "method of the connection: what it committed is done, whatever came after that "
        "stands alone, and nothing is repeated. Leave that to run_transaction, or use "
        "retry_on_occ around a function that commits by itself"
    )


def nested(driver: Driver, target: object) -> Exception:
    """Return the error for a transaction within another."""
    kind = type(target).__name__
    return driver.nested(
        f"a transaction on this {kind} is under way already: a nested one would wait "
        "for a connection that its own caller holds, or be committed without it. Use "
        "the connection that the function was given"
    )

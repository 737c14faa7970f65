"""What an error means for a transaction, by the stage at which it came.

Up to COMMIT, whatever goes wrong, nothing was done. An answer to COMMIT with a
SQLSTATE means the same, unless the code says that the server was going down or does
not know itself. Any other error leaves the outcome unknown.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from moorline.dsql.occ import occ_type
from moorline.errors import CommitOutcomeUnknown, OCCRetryExhausted

if TYPE_CHECKING:
    from moorline.dsql.occ import OCCType

__all__ = ["Meaning", "Stage", "State", "Trouble", "conflict_of", "meaning_of"]

# SQLSTATE classes that say nothing of a COMMIT: connection exceptions, operator
# intervention (shutdown, crash), internal errors; and "statement completion unknown".
UNCLEAR = ("08", "57", "XX", "40003")


class Stage(Enum):
    """How far an attempt had come."""

    ACQUIRE = auto()
    BEGIN = auto()
    BODY = auto()
    COMMIT = auto()


class State(Enum):
    """What a connection is in, as its driver knows it without asking the server.

    ``BUSY``: a statement is under way, or was left so.
    """

    IDLE = auto()
    OPEN = auto()
    FAILED = auto()
    BUSY = auto()
    LOST = auto()


class Trouble(NamedTuple):
    """An attempt that did not end in a confirmed COMMIT.

    Args:
        stage: How far it had come.
        error: What was raised.
        state: The connection's state then; `None` if there was none.
        pooled: Whether another connection can be had.
    """

    stage: Stage
    error: BaseException
    state: State | None = None
    pooled: bool = False


class Meaning(Enum):
    """What follows from a trouble.

    ``CONFLICT``
        Not committed; the same again may succeed.
    ``REPLACE``
        Nothing had begun: the pool's connection was dead.
    ``UNKNOWN``
        Committed or not.
    ``FINAL``
        Not committed; again would be of no use, or is not ours to decide.
    """

    CONFLICT = auto()
    REPLACE = auto()
    UNKNOWN = auto()
    FINAL = auto()


def meaning_of(trouble: Trouble) -> Meaning:
    """Return what follows from a trouble."""
    stage, error, state, pooled = trouble
    if not isinstance(error, Exception):
        return Meaning.UNKNOWN if stage is Stage.COMMIT else Meaning.FINAL
    if conflict_of(error) is not None:
        # A function that ended the transaction itself may have committed before.
        ended = stage is Stage.BODY and state is State.IDLE
        return Meaning.FINAL if ended else Meaning.CONFLICT
    if stage is Stage.BEGIN and state is State.LOST and pooled:
        return Meaning.REPLACE
    if stage is Stage.COMMIT and is_unclear(error):
        return Meaning.UNKNOWN
    return Meaning.FINAL


def conflict_of(error: BaseException) -> OCCType | None:
    """Return which conflict an error is; `None` if it is none that is ours to repeat.

    A transaction on another pool that gave up, or whose outcome is unknown, has been
    repeated as often as it may.
    """
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, OCCRetryExhausted | CommitOutcomeUnknown):
            return None
        seen.add(id(cause))
        cause = cause.__cause__
    return occ_type(error)


def is_unclear(error: Exception) -> bool:
    """Tell whether an error in reply to COMMIT leaves its outcome open."""
    code = getattr(error, "sqlstate", None)
    return not isinstance(code, str) or code.startswith(UNCLEAR)

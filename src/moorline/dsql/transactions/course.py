"""Whether a transaction is tried again, and when: decided without clock and dice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from moorline.dsql.occ import OCCType
from moorline.dsql.transactions.outcome import Meaning, conflict_of, meaning_of

if TYPE_CHECKING:
    from moorline.core.retry import RetryPolicy
    from moorline.dsql.transactions.outcome import Trouble

__all__ = ["Again", "Course", "Exhausted", "Raise", "Unknown", "Verdict"]


@dataclass(frozen=True, slots=True)
class Again:
    """Try again.

    Args:
        course: The state of things for the next attempt.
        delay: Seconds to wait before it, with no connection in hand.
    """

    course: Course
    delay: float


@dataclass(frozen=True, slots=True)
class Raise:
    """Let the error out as it is."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Give up: there were conflicts only, and the policy allows no more.

    Args:
        kind: The last one's.
        attempts: How many there were.
        elapsed: Seconds since the first attempt began.
    """

    kind: OCCType
    attempts: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody here knows whether it was committed: look it up, or say so."""


Verdict: TypeAlias = Again | Raise | Exhausted | Unknown


@dataclass(frozen=True, slots=True)
class Course:
    """One transaction, however often it is tried.

    Args:
        policy: How often it may be.
        began: When the first attempt began, in seconds of any clock.
        failures: How many attempts came to nothing.
        replaced: How many connections of a pool were dead at BEGIN.
    """

    policy: RetryPolicy
    began: float
    failures: int = 0
    replaced: int = 0

    def after(self, trouble: Trouble, now: float, dice: float) -> Verdict:
        """Return what to do after a trouble.

        Args:
            trouble: What happened.
            now: The time, by the clock of `began`.
            dice: A random number from 0 (included) to 1 (excluded).
        """
        match meaning_of(trouble):
            case Meaning.UNKNOWN:
                return Unknown()
            case Meaning.REPLACE:
                dead = replace(self, replaced=self.replaced + 1)
                spent = dead.replaced >= self.policy.max_attempts
                return Raise() if spent or self._is_over(now) else Again(dead, 0.0)
            case Meaning.CONFLICT:
                kind = conflict_of(trouble.error) or OCCType.UNKNOWN
                next_one = self.again(now, dice, at_once=kind is OCCType.SCHEMA)
                failures, elapsed = self.failures + 1, now - self.began
                return next_one or Exhausted(kind, failures, elapsed)
            case Meaning.FINAL:
                return Raise()

    def again(self, now: float, dice: float, *, at_once: bool = False) -> Again | None:
        """Return when to try again after a failure; `None` if the policy is spent.

        Args:
            now: The time.
            dice: As for `after`.
            at_once: Whether a first failure needs no delay, as that of a schema that
                has changed: the second attempt knows the new one.
        """
        failures = self.failures + 1
        delay = self.policy.delay(failures, dice)
        if at_once and not self.failures:
            delay = 0.0
        if failures >= self.policy.max_attempts or self._is_over(now + delay):
            return None
        return Again(replace(self, failures=failures), delay)

    def _is_over(self, then: float) -> bool:
        limit = self.policy.deadline
        return limit is not None and then - self.began >= limit

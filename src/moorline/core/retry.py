"""How often something is tried again, and after how long: a policy as data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Self

from moorline.core.backoff import Backoff
from moorline.errors import ConfigError

__all__ = ["RetryPolicy"]

MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter, a limit of attempts, and a deadline.

    The delay before attempt n + 1 is ``base_delay_ms * 2**(n - 1)``, at most
    ``max_delay_ms``, less a random part of up to ``jitter_factor`` of it. With a factor
    of 1 it is anywhere between nothing and the whole ("full jitter"), which keeps those
    who conflicted once from meeting again; see Brooker, "Exponential Backoff and
    Jitter", AWS Architecture Blog, 2015.

    Args:
        max_attempts: How often in all, the first time included: 1 to 100.
        base_delay_ms: The first delay, in milliseconds.
        max_delay_ms: The longest, in milliseconds; never exceeded.
        jitter_factor: 0 to 1.
        deadline: Seconds after which nothing is tried again; `None` for no limit.

    Raises:
        ConfigError: A value is out of its range, or no number.
    """

    max_attempts: int = 100
    base_delay_ms: float = 10.0
    max_delay_ms: float = 2000.0
    jitter_factor: float = 1.0
    deadline: float | None = 30.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        attempts = self.max_attempts
        if type(attempts) is not int:
            raise _wrong("max_attempts", attempts, "write a whole number")
        if not 1 <= attempts <= MOST_ATTEMPTS:
            raise _wrong("max_attempts", attempts, f"write 1 to {MOST_ATTEMPTS}")
        for name in ("base_delay_ms", "max_delay_ms"):
            if not _is_number(value := getattr(self, name)) or value <= 0:
                raise _wrong(name, value, "write milliseconds, more than 0")
        if self.max_delay_ms < self.base_delay_ms:
            least = f"it is less than base_delay_ms={self.base_delay_ms:g}"
            raise _wrong("max_delay_ms", self.max_delay_ms, least)
        if not _is_number(self.jitter_factor) or not 0 <= self.jitter_factor <= 1:
            raise _wrong("jitter_factor", self.jitter_factor, "write 0 to 1")
        if self.deadline is not None and not (
            _is_number(self.deadline) and self.deadline > 0
        ):
            raise _wrong("deadline", self.deadline, "write seconds, or None")

    @classmethod
    def seed(cls) -> Self:
        """Return the policy of Aurora DSQL's connector for Rust: 3 attempts.

        Under contention it gives up early: it suits conflicts that are rare.
        """
        return cls(
            max_attempts=3,
            base_delay_ms=1,
            max_delay_ms=100,
            jitter_factor=0.25,
            deadline=None,
        )

    def delay(self, failures: int, dice: float) -> float:
        """Return the seconds to wait after so many failures.

        Args:
            failures: 1 or more.
            dice: A random number from 0 (included) to 1 (excluded).
        """
        schedule = Backoff(
            base=self.base_delay_ms / 1000.0,
            cap=self.max_delay_ms / 1000.0,
            jitter=self.jitter_factor,
        )
        return schedule.delay(failures, dice)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
    )


def _wrong(name: str, value: object, cure: str) -> ConfigError:
    return ConfigError(f"{name}={value!r}: {cure}")

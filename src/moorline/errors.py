"""The errors that moorline raises, in one tree.

::

    MoorlineError
    ├── ConfigError (ValueError)         an option is unknown or malformed
    ├── NoNodeAvailable                  no node of the cluster could be used
    ├── DeadlineExceeded (TimeoutError)  the time allowed for the operation is over
    └── TokenError                       no token for a login could be had

For each driver there is a class that derives from one of these *and* from the
driver's own, so ``except psycopg.OperationalError`` keeps working.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorline.core.attempt import Attempt

__all__ = [
    "ConfigError",
    "DeadlineExceeded",
    "MoorlineError",
    "NoNodeAvailable",
    "TokenError",
]


class MoorlineError(Exception):
    """Base of every error that moorline itself raises."""


class ConfigError(MoorlineError, ValueError):
    """An option is unknown, malformed or contradicts another option.

    The message names the option, where it was given and what to write instead.
    """


class _TriedError(MoorlineError):
    """An operation that tried several nodes and gave up.

    Args:
        summary: What was tried and which option decided it.
        attempts: One record per node, in the order in which they were tried.
        hint: What to do, if something can be said.
    """

    def __init__(
        self, summary: str, attempts: Iterable[Attempt] = (), hint: str = ""
    ) -> None:
        self.summary = summary
        self.attempts = tuple(attempts)
        self.hint = hint
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        yield self.summary
        for attempt in self.attempts:
            yield f"  {attempt}"
        if self.hint:
            yield self.hint

    def __reduce__(self) -> tuple[type[_TriedError], tuple[object, ...]]:
        return type(self), (self.summary, self.attempts, self.hint)


class NoNodeAvailable(_TriedError):  # noqa: N818 - says what it is
    """No node of the cluster could be used.

    ``attempts`` holds one record per known node: placement, tier, health and the
    reason why it could not be used.
    """


class DeadlineExceeded(_TriedError, TimeoutError):  # noqa: N818 - as above
    """The time allowed for the whole operation is over.

    ``attempts`` holds what was tried until then.
    """


class TokenError(MoorlineError):
    """No token for a login could be signed: credentials are missing or out of reach.

    ``__cause__`` is what went wrong, as botocore or the provider said it.
    """

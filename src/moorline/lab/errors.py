"""The one error that the lab raises."""

from __future__ import annotations

from moorline.errors import MoorlineError

__all__ = ["LabError"]


class LabError(MoorlineError, RuntimeError):
    """The lab could not be set up, or was asked for what it cannot do.

    The message says what was tried, what the server answered (the last lines of
    its log, if it came that far) and what to install or change.
    """

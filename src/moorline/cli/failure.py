"""How a command says that it could not do its work."""

from __future__ import annotations

__all__ = ["Failure"]


class Failure(Exception):  # noqa: N818 - the outcome of a command, caught at its edge
    """Something could not be done: one message, one exit code, no traceback."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code

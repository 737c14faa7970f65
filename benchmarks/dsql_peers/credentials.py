"""A source of credentials that fails once, as a program may give to either client."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

__all__ = ["Provider"]


class Provider:
    """A credential provider as botocore has them.

    Args:
        due: When `load` raises, on the monotonic clock: the first call from then on.
        keys: access_key, secret_key and token.
    """

    METHOD = "benchmark"
    CANONICAL_NAME = None

    def __init__(self, due: float, **keys: str) -> None:
        self._due = due
        self._keys = keys
        self._failed = False

    def load(self) -> Any:  # noqa: ANN401 - botocore's
        """Return credentials."""
        if not self._failed and time.monotonic() >= self._due:
            self._failed = True
            raise OSError("the source of credentials has failed, once")
        return import_module("botocore.credentials").Credentials(**self._keys)

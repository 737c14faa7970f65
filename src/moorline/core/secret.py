"""Values that must not be shown."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Secret"]

T = TypeVar("T")


class Secret(Generic[T]):
    """A value whose text is ``***`` in every log, repr and exception.

    There is no equality and no pickling: a secret is handed on, then revealed at
    the edge that needs it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "a secret is not pickled"
        raise TypeError(message)

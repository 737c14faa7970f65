"""One table of options per product: parser, errors and documentation come from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Given", "Option", "Value", "boolean", "collect", "nearest", "seconds"]

logger = logging.getLogger(__name__)

T_co = TypeVar("T_co", covariant=True)
Value: TypeAlias = str | float | None


class Given(NamedTuple):
    """A value as somebody gave it, and where."""

    name: str
    value: Value
    where: str

    def error(self, message: str) -> ConfigError:
        """Return the error that says what is wrong with it."""
        return ConfigError(f"{self}: {message}")

    def __str__(self) -> str:
        return f"{self.name}={self.value!r} ({self.where})"


class Option(NamedTuple, Generic[T_co]):
    """An option of a product.

    Args:
        name: As written in a conninfo or as a keyword argument.
        env: The environment variable that gives it.
        default: The value when nobody gives one.
        help: One sentence for the documentation.
        parse: Turns what was given into a value; raises `ConfigError`.
    """

    name: str
    env: str
    default: T_co
    help: str
    parse: Callable[[Given], T_co]

    def of(self, given: Mapping[str, Given]) -> T_co:
        """Return the value given for this option, or its default."""
        one = given.get(self.name)
        return self.default if one is None else self.parse(one)


def boolean(given: Given) -> bool:
    """Parse ``true`` or ``false``, in any case, or a Python bool."""
    match str(given.value).strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise given.error("write true or false")


def seconds(low: int, high: int, *, default: int) -> Callable[[Given], int]:
    """Return a parser of whole numbers of seconds.

    Out of range, the default is used and a warning logged, as the sibling drivers do.
    """

    def parse(given: Given) -> int:
        text = str(given.value).strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise given.error(f"write a whole number of seconds from {low} to {high}")
        # Python refuses to convert thousands of digits.
        if len(digits) < len("1000000") and low <= int(text) <= high:
            return int(text)
        message = "%s: not from %d to %d, so the default of %d is used"
        logger.warning(message, given, low, high, default)
        return default

    return parse


def collect(
    table: Sequence[Option[object]],
    sources: Iterable[tuple[str, Mapping[str, Value]]],
) -> dict[str, Given]:
    """Collect what was given; an earlier source wins over a later one.

    Args:
        table: The options of the product.
        sources: Where values come from, the strongest first: a description, and the
            values by option name. `None` counts as not given.
    """
    found: dict[str, Given] = {}
    for where, values in sources:
        for option in table:
            value = values.get(option.name)
            if value is not None:
                found.setdefault(option.name, Given(option.name, value, where))
    return found


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that a misspelt one was meant to be, if one is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    normal = name.lower().replace("-", "_")
    return next(iter(get_close_matches(normal, names, n=1, cutoff=0.75)), None)

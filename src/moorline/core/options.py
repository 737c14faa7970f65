"""One table of options per product: parser, errors and documentation come from it."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from moorline.core.secret import Secret
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import timedelta
    from pathlib import PurePath

__all__ = ["Given", "Option", "Table", "Value", "boolean", "nearest", "seconds"]

logger = logging.getLogger(__name__)

T_co = TypeVar("T_co", covariant=True)
Special: TypeAlias = "timedelta | PurePath | Secret[object]"
Value: TypeAlias = "str | float | Special | Callable[..., object] | None"


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
        aliases: Other names for it.
        shared: Names that drivers have for options of their own; with a value that
            `parse` takes, this one is meant.
        secret: Whether the value must not be shown; `parse` is given it as a `Secret`.
    """

    name: str
    env: str
    default: T_co
    help: str
    parse: Callable[[Given], T_co]
    aliases: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    secret: bool = False

    def of(self, given: Mapping[str, Given]) -> T_co:
        """Return the value given for this option, or its default."""
        one = given.get(self.name)
        return self.default if one is None else self.parse(one)

    def takes(self, value: Value) -> bool:
        """Tell whether a value is one for this option."""
        try:
            self.parse(Given(self.name, value, ""))
        except ConfigError:
            return False
        return True


class Table:
    """The options of a product, under all their names.

    Case, dashes, underscores and spaces in a name mean nothing: ``load-balance`` and
    ``loadBalance`` are ``load_balance``.
    """

    def __init__(self, *options: Option[object]) -> None:
        self.options = options
        self.names = tuple(option.name for option in options)
        self._named = {
            stem(name): option
            for option in options
            for name in (option.name, *option.aliases)
        }
        self._shared = {stem(name): one for one in options for name in one.shared}
        # However a name is written, its longest word is in it.
        names = [n for one in options for n in (one.name, *one.aliases, *one.shared)]
        self._words = frozenset(max(name.split("_"), key=len) for name in names)

    def __iter__(self) -> Iterator[Option[object]]:
        return iter(self.options)

    def find(self, name: str, value: Value) -> Option[object] | None:
        """Return the option that a name stands for, beside this value."""
        key = stem(name)
        shared = self._shared.get(key)
        if shared is not None and shared.takes(value):
            return shared
        return self._named.get(key)

    def holds(self, name: str, value: Value) -> bool:
        """Tell whether a name, beside this value, stands for one of the options."""
        return self.find(name, value) is not None

    def may_be_in(self, text: str) -> bool:
        """Tell, quickly and without parsing, whether a text may name an option."""
        return any(map(text.lower().__contains__, self._words))

    def collect(
        self, sources: Iterable[tuple[str, Mapping[str, Value]]]
    ) -> dict[str, Given]:
        """Collect what was given, by option name; an earlier source wins.

        Args:
            sources: Where values come from, the strongest first: a description, and
                the values by whatever name. `None` counts as not given; names of
                other things are passed over.

        Raises:
            ConfigError: A source gives an option twice, under two names, and differs.
        """
        found: dict[str, Given] = {}
        for where, values in sources:
            here: dict[str, Given] = {}
            for name, value in values.items():
                option = None if value is None else self.find(name, value)
                if option is None:
                    continue
                shown: Value = Secret(value) if option.secret else value
                one = Given(name, shown, where)
                other = here.setdefault(option.name, one)
                if other is not one and option.parse(other) != option.parse(one):
                    raise one.error(f"it contradicts {other}; leave one of them out")
            found |= {name: one for name, one in here.items() if name not in found}
        return found


@lru_cache(maxsize=1024)
def stem(name: str) -> str:
    """Return a name without what does not matter in it."""
    return name.lower().translate(_DROPPED)


_DROPPED = str.maketrans("", "", "-_ ")


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


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that a misspelt one was meant to be, if one is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    normal = name.lower().replace("-", "_")
    return next(iter(get_close_matches(normal, names, n=1, cutoff=0.75)), None)

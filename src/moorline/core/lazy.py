"""Names of a package that are imported when they are first asked for.

A package calls `imported` in its ``__getattr__`` (PEP 562), and names what it offers
for type checkers as well, which do not call it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["imported"]


def imported(
    name: str, homes: Mapping[str, Collection[str]], package: dict[str, object]
) -> object:
    """Import a name from its home, and keep it in the package.

    Args:
        name: What is asked for.
        homes: The names that each module offers, by the module's full name.
        package: The package's ``globals()``.

    Raises:
        AttributeError: No module offers it.
    """
    for home, names in homes.items():
        if name in names:
            found: object = getattr(import_module(home), name)
            package[name] = found
            return found
    message = f"module {package['__name__']!r} has no attribute {name!r}"
    raise AttributeError(message)

"""Which implementation writes rows: the compiled kernel, or the original in Python.

Both write the same bytes and raise the same errors. The kernel is used where it is
installed; ``MOORLINE_IMPL`` in the environment, ``c`` or ``python``, asks for one of
them when this module is imported.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["__impl__", "ask", "twin"]

Class = TypeVar("Class", bound="type[object]")

VARIABLE = "MOORLINE_IMPL"
HOME = "moorline._speed.rows"


def choose(wanted: str) -> ModuleType | None:
    """Return the compiled kernel; `None` if Python alone is to be used.

    Args:
        wanted: ``c``, ``python``, or "" for what there is.

    Raises:
        ConfigError: It is none of these.
        ImportError: The kernel is asked for, and not installed.
    """
    if wanted not in {"", "c", "python"}:
        raise ConfigError(
            f"{VARIABLE}={wanted!r}: write c for the compiled kernel, or python, or "
            "leave it out"
        )
    if wanted == "python":
        return None
    try:
        return import_module(HOME)
    except ImportError as error:
        if not wanted:
            return None
        raise ImportError(
            f"{VARIABLE}=c, and the compiled kernel does not load: {error}. Where a C "
            "compiler is installed, `pip install --force-reinstall --no-binary "
            "moorline moorline` builds it; without it, leave the variable out"
        ) from error


KERNEL = choose(os.environ.get(VARIABLE, ""))
__impl__ = "python" if KERNEL is None else "c"


def twin(original: Class) -> Class:
    """Return the compiled twin of a class where the kernel is used.

    A decorator: what it stands above is what readers and type checkers see. The twin
    has its docstrings and annotations.
    """
    if KERNEL is None:
        return original
    found: Class = getattr(KERNEL, original.__name__)
    for name in dir(original):
        method, compiled = getattr(original, name), getattr(found, name, None)
        if isinstance(method, FunctionType) and compiled and name[0] != "_":
            compiled.__doc__ = method.__doc__
            compiled.__annotations__ = method.__annotations__
    return found


def ask(**originals: object) -> None:
    """Tell the kernel, where it is used, whom to ask where it does not decide itself.

    It imports nothing of the package: arrows point down.
    """
    if KERNEL is not None:
        KERNEL.ask(**originals)

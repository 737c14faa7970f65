"""What every test shares: no secret in any log record of the whole run."""

from __future__ import annotations

import logging
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from moorline import net, questdb

if TYPE_CHECKING:
    from collections.abc import Iterator

# These import some of their modules when they are needed, in threads too. pytest parses
# them then, which CPython before 3.11.8 cannot do in two threads at once: "AST
# constructor recursion depth mismatch", https://github.com/python/cpython/issues/106905
for package in (net, questdb):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)

# The only password that tests may use; see `no_secret_is_logged`.
SECRET = "Geheim-4711 'mit\\Tücken"


class _Watch(logging.Handler):
    """Collect the records that would show the secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if SECRET in text:
            self.leaks.append(text)


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """Listen to every record of moorline, at every level, for the whole run."""
    watch = _Watch()
    logger = logging.getLogger("moorline")
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    yield
    logger.removeHandler(watch)
    assert watch.leaks == []

"""Let names that are in no DNS lead to a lab, in this process."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

__all__ = ["resolving"]


@contextlib.contextmanager
def resolving(names: Iterable[str], address: str) -> Generator[None]:
    """Have ``socket.getaddrinfo`` answer for these names with one address."""
    known = socket.getaddrinfo
    ours = {name.lower() for name in names}

    def lookup(host: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - the original's
        is_ours = isinstance(host, str) and host.rstrip(".").lower() in ours
        return known(address if is_ours else host, *args, **named)

    with mock.patch("socket.getaddrinfo", lookup):
        yield

from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let a test be the resolver: of names to addresses, or to "" for no answer."""
    names: dict[str, str] = {}
    known = socket.getaddrinfo

    def lookup(host: Any, *args: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        address = names.get(name, name)
        if address == "":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(address, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return names

"""See which connections a server is not done with, though its clients are gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["await_read", "unread"]

_TABLE = Path("/proc/net/tcp")  # Linux; elsewhere nothing is known
_STATES = ("04", "05")  # FIN_WAIT1, FIN_WAIT2: this end is closed, the other is not
_POLL = 0.002  # seconds


def unread(ports: Collection[int], table: str) -> int:
    """Count the clients of these ports that have closed, and are still being read.

    ``table`` is the text of /proc/net/tcp: in each line the address of the other end
    is the third word, and the state the fourth.
    """
    wanted = {f"{port:04X}" for port in ports}
    words = (line.split() for line in table.splitlines()[1:])
    return sum(
        word[3] in _STATES and word[2].rpartition(":")[2] in wanted for word in words
    )


def await_read(ports: Collection[int], seconds: float) -> None:
    """Wait until the server has read what clients left it, or so long."""
    deadline = time.monotonic() + seconds
    while _TABLE.exists() and unread(ports, _TABLE.read_text("ascii")):
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL)

"""Choose where the nodes listen.

On Linux all of 127.0.0.0/8 answers, so each node has an address of its own and all
share one port, as in a real cluster. Elsewhere (macOS has 127.0.0.1 only) all share
the address and have one port each. The same rule makes both: the nth node on an
address gets the nth port from the base.
"""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Endpoint", "default_addresses", "endpoints", "free_base", "taken"]

Endpoint = tuple[str, int]

# Below the range from which systems take ports of outgoing connections (32768 on
# Linux, 49152 elsewhere), so that no client can sit on a node's port by chance.
_RANGE = (20000, 32000)
_TRIES = 200


def default_addresses(nodes: int) -> tuple[str, ...]:
    """Return 127.0.0.1, 127.0.0.2... where these exist, else 127.0.0.1 for all."""
    own = tuple(f"127.0.0.{number}" for number in range(1, nodes + 1))
    return own if _bind("127.0.0.2", 0) is None else ("127.0.0.1",) * nodes


def endpoints(addresses: Sequence[str], base: int) -> list[Endpoint]:
    """Give each address a port: ``base``, and the next one when it comes again."""
    return [
        (address, base + list(addresses[:position]).count(address))
        for position, address in enumerate(addresses)
    ]


def taken(addresses: Sequence[str], base: int) -> str | None:
    """Say what stands in the way of listening there, None if nothing does."""
    for address, port in endpoints(addresses, base):
        if reason := _bind(address, port):
            return f"{address}:{port}: {reason}"
    return None


def free_base(addresses: Sequence[str], prefer: int | None = None) -> int:
    """Return a port that is free on all addresses, the preferred one if it is."""
    if prefer is not None and taken(addresses, prefer) is None:
        return prefer
    reason = None
    # A source of its own: programs under test seed the common one, and two of them
    # would then choose the same port.
    for base in random.SystemRandom().sample(range(*_RANGE), _TRIES):
        reason = taken(addresses, base)
        if reason is None:
            return base
    raise LabError(
        f"no port is free on {', '.join(addresses)}; the last one tried: {reason}"
    )


def _bind(address: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does it: connections in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as error:
            return error.strerror
    return None

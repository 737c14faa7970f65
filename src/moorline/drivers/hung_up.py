"""Whether a server has hung up, from the socket alone."""

from __future__ import annotations

import select

__all__ = ["is_hung_up"]

# Linux tells a closed peer by itself; elsewhere only both ends' being closed shows.
HUNG_UP: int = getattr(select, "POLLRDHUP", 0)


def is_hung_up(descriptor: int) -> bool:
    """Tell whether the other end of a socket is closed, without reading from it.

    A driver finds that out when it next uses the connection, or its loop has a turn;
    the socket knows now.
    """
    if not hasattr(select, "poll"):  # Windows: it shows when the connection is used
        return False
    poll = select.poll()
    poll.register(descriptor, HUNG_UP)
    return bool(poll.poll(0))

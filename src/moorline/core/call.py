"""One connect, as it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.core.address import Address
    from moorline.core.attempt import Attempt
    from moorline.core.deadline import Deadline
    from moorline.core.request import Request
    from moorline.core.state import ClusterState

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """What one caller wants, and what was tried for it until now.

    Args:
        state: The cluster.
        request: What is asked for.
        deadline: Until when.
        now: The time when it was last looked at.
        attempts: What came of each node or contact point that was tried.
        trials: Nodes that had failed, are being tried again and have not answered yet:
            for this caller to come back to when nothing else is left.
        is_last_resort: Whether nothing else is left.
    """

    state: ClusterState
    request: Request
    deadline: Deadline
    now: float
    attempts: dict[Address | None, Attempt]
    trials: set[Address]
    is_last_resort: bool = False

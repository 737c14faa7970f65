"""What a cluster means when it lets nobody in: the table that decides it.

Facts: the texts of Aurora DSQL's startup errors, from its user guide, "Troubleshooting"
and "Cluster quotas and database limits". libpq gives no SQLSTATE for an error at
connect, so the texts count; their case differs between pages.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.core.faults import Fault

__all__ = ["Refusal", "refusal_of"]


class Refusal(Enum):
    """What to do about a failed login."""

    STALE = "the token is out of date: sign another one, once"
    BUSY = "the cluster takes nobody now: wait, and try again"
    DENIED = "the credentials may not log in: raise at once"
    OTHER = "something else: raise at once"


_TEXTS = (
    (r"access denied(.|\n)*signature expired", Refusal.STALE),
    (r"access denied", Refusal.DENIED),
    (r"rate exceeded", Refusal.BUSY),
    (r"too many open connections", Refusal.BUSY),
    (r"waking up cluster", Refusal.BUSY),
)


def refusal_of(fault: Fault) -> Refusal:
    """Decide what a failed login means."""
    said = re.search(r"unable to accept connection, ((.|\n)*)", fault.text.lower())
    if said:
        for pattern, refusal in _TEXTS:
            if re.match(pattern, said[1]):
                return refusal
    return Refusal.OTHER

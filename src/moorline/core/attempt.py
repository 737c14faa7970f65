"""One node, and what came of it: the lines of errors and of `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from moorline.core.address import Address

__all__ = ["Attempt"]


class Attempt(NamedTuple):
    """A node that was tried, or left out, with the reason.

    Args:
        address: The node, or the contact point; `None` for the conninfo as given.
        placement: ``cloud.region.zone``, or "" for a contact point.
        tier: The tier in which it was a candidate, or "".
        health: Its health when it was considered, or "".
        reason: What happened, in one line.
        seconds: How long the attempt took; `None` if none was made.
        answered: Whether a server answered at all.
    """

    address: Address | None
    reason: str
    placement: str = ""
    tier: str = ""
    health: str = ""
    seconds: float | None = None
    answered: bool = False

    def __str__(self) -> str:
        where = str(self.address) if self.address else "as given"
        about = "; ".join(filter(None, (self.placement, self.tier, self.health)))
        took = "" if self.seconds is None else f" (after {self.seconds:.2f} s)"
        return f"{where}{f' [{about}]' if about else ''}: {self.reason}{took}"

"""Blocks of a driver's own ``conn.transaction()`` within a transaction of ours.

Aurora DSQL has no savepoints, so such a block cannot be a transaction of its own: it
joins the one that is under way. One that fails takes the whole with it, since nothing
can be undone alone.
"""

from __future__ import annotations

__all__ = ["Joining", "Ledger", "ledger_of"]


class Ledger:
    """What the blocks within one transaction came to.

    Attributes:
        is_open: Whether the transaction is still under way.
        doomed_by: Why it must not be committed any more.
    """

    __slots__ = ("doomed_by", "is_open")

    def __init__(self) -> None:
        self.is_open = True
        self.doomed_by: BaseException | None = None

    def doom(self, error: BaseException) -> None:
        """Note that a block was left by an error; the first one counts."""
        self.doomed_by = self.doomed_by or error


class Joining:
    """A mix-in for connections whose ``transaction()`` joins the one under way."""

    _ledger: Ledger | None = None

    def begin_joining(self) -> Ledger:
        """Let blocks join from now on, until the ledger is closed."""
        ledger = self._ledger = Ledger()
        return ledger

    @property
    def joining(self) -> Ledger | None:
        """The ledger of the transaction that is under way, if one is."""
        ledger = self._ledger
        return ledger if ledger and ledger.is_open else None


def ledger_of(conn: object) -> Ledger:
    """Return the ledger for a transaction that begins; one of no use if need be.

    asyncpg's pool hands out stand-ins, which pass on what they do not know.
    """
    begin_joining = getattr(conn, "begin_joining", None)
    ledger = begin_joining() if begin_joining else Ledger()
    assert isinstance(ledger, Ledger)  # noqa: S101 - ours, by its name
    return ledger

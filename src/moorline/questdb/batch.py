"""Rows that are delivered together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.questdb.lines import row_text

if TYPE_CHECKING:
    from moorline.questdb.store import Store

__all__ = ["Batch"]


class Batch(NamedTuple):
    """Rows to deliver.

    Args:
        body: As they go over the wire.
        rows: How many they are.
    """

    body: bytes | Store
    rows: int

    def row(self, number: int) -> str:
        """Return one of them as text, by its number from 1."""
        return row_text(bytes(self.body), number)

"""Rows that are delivered together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.questdb.lines import row_text

if TYPE_CHECKING:
    from moorline.net.http import Content
    from moorline.questdb.store import Store

__all__ = ["Batch"]


class Batch:
    """Rows to deliver.

    Args:
        body: As they go over the wire.
        rows: How many they are.
    """

    __slots__ = ("body", "rows")

    def __init__(self, body: bytes | Store, rows: int) -> None:
        self.body = body
        self.rows: int = rows

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return len(self.body)

    @property
    def content(self) -> Content:
        """What is sent over HTTP."""
        return self.body

    def whole(self) -> bytes | Store:
        """Return them, all of them; may take its time."""
        return self.body

    def row(self, number: int) -> str:
        """Return one of them as text, by its number from 1."""
        return row_text(bytes(self.body), number)

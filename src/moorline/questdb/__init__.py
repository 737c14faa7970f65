"""QuestDB: a sender for rows and frames, over TLS that is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.lazy import imported

if TYPE_CHECKING:
    from moorline.questdb.async_sender import AsyncSender
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.builder import SenderBuilder
    from moorline.questdb.impl import __impl__
    from moorline.questdb.sender import Sender
    from moorline.questdb.timestamps import (
        ServerTimestamp,
        TimestampMicros,
        TimestampNanos,
    )

__all__ = [
    "AsyncSender",
    "Buffer",
    "Sender",
    "SenderBuilder",
    "ServerTimestamp",
    "TimestampMicros",
    "TimestampNanos",
    "__impl__",
]

_HOMES = {
    "moorline.questdb.async_sender": ("AsyncSender",),
    "moorline.questdb.buffer": ("Buffer",),
    "moorline.questdb.builder": ("SenderBuilder",),
    "moorline.questdb.impl": ("__impl__",),
    "moorline.questdb.sender": ("Sender",),
    "moorline.questdb.timestamps": (
        "ServerTimestamp",
        "TimestampMicros",
        "TimestampNanos",
    ),
}


def __getattr__(name: str) -> object:
    return imported(name, _HOMES, globals())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

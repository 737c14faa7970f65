"""Both senders behind one face, so that one test is played with each.

Of the asynchronous one each call is run to its end; between calls its loop stands
still.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from moorline.questdb import AsyncSender, Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorline.lab import QuestdbLab
    from moorline.lab.questdb_front import QuestdbFront

KINDS = ("sync", "async")


def conf(lab: QuestdbLab | QuestdbFront, protocol: str = "http", **more: object) -> str:
    """Return the configuration string that leads to a lab's front, or to another."""
    front = getattr(lab, "front", lab)
    port = front.https_port if protocol == "https" else front.http_port
    options = {"addr": f"localhost:{port}", **more}
    if protocol == "https":
        options = {"tls_roots": lab.ca_file, **options}
    return f"{protocol}::" + "".join(f"{k}={v};" for k, v in options.items())


class Face(Protocol):
    """What tests do with a sender."""

    def row(self, table: str, *, at: Any, **parts: Mapping[str, Any]) -> None: ...
    def dataframe(self, obj: object, **how: Any) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    @property
    def kept(self) -> int: ...
    def drop(self) -> None: ...


def kept(sender: Sender | AsyncSender) -> int:
    """Return how many rows are kept, without asking a server for anything."""
    buffer = sender._outbox.buffer
    return 0 if buffer is None else buffer.row_count


def drop(sender: Sender | AsyncSender) -> None:
    """Drop what is kept, so that the end has nothing to send."""
    if sender._outbox.buffer is not None:
        sender._outbox.buffer.clear()


class SyncFace:
    def __init__(self, text: str, **options: object) -> None:
        self.sender = Sender.from_conf(text, **options)

    def row(self, table, *, at, **parts):
        self.sender.row(table, at=at, **parts)

    def dataframe(self, obj, **how):
        self.sender.dataframe(obj, **how)

    def flush(self):
        self.sender.flush()

    def close(self):
        self.sender.close()

    @property
    def kept(self):
        return kept(self.sender)

    def drop(self):
        drop(self.sender)


class AsyncFace:
    def __init__(self, text: str, **options: object) -> None:
        self._runner = asyncio.Runner()
        try:
            self.sender = self._runner.run(self._make(text, options))
        except BaseException:
            self._runner.close()
            raise

    @staticmethod
    async def _make(text, options):
        return AsyncSender.from_conf(text, **options)

    def row(self, table, *, at, **parts):
        self._runner.run(self._row(table, at, parts))

    async def _row(self, table, at, parts):
        await self.sender.row(table, at=at, **parts)

    def dataframe(self, obj, **how):
        self._runner.run(self._dataframe(obj, how))

    async def _dataframe(self, obj, how):
        await self.sender.dataframe(obj, **how)

    def flush(self):
        self._runner.run(self.sender.flush())

    def close(self):
        try:
            self._runner.run(self.sender.close())
        finally:
            self._runner.close()

    @property
    def kept(self):
        return kept(self.sender)

    def drop(self):
        drop(self.sender)


FACES: dict[str, type[SyncFace | AsyncFace]] = {"sync": SyncFace, "async": AsyncFace}

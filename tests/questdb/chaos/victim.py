"""A program that is killed: it adds rows, and writes how many are safe on disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from moorline.questdb import AsyncSender, Sender, TimestampMicros

EACH = 7  # rows between two flushes


def tell(count: int) -> None:
    os.write(1, b"%d\n" % count)


def stream(conf: str, first: int) -> None:
    sender = Sender.from_conf(conf)
    for number in range(10**9):
        at = TimestampMicros(first + number)
        sender.row("t", columns={"id": first + number}, at=at)
        if number % EACH == 0:
            sender.flush()
            tell(number + 1)


async def stream_async(conf: str, first: int) -> None:
    sender = AsyncSender.from_conf(conf)
    for number in range(10**9):
        at = TimestampMicros(first + number)
        await sender.row("t", columns={"id": first + number}, at=at)
        if number % EACH == 0:
            await sender.flush()
            tell(number + 1)


def fork(conf: str, first: int) -> None:
    """Leave a row on disk, and a child that outlives this process."""
    sender = Sender.from_conf(conf)
    sender.row("t", columns={"id": first}, at=TimestampMicros(first))
    sender.flush()
    child = os.fork()
    if not child:
        os.close(1)
        while True:
            signal.pause()
    tell(child)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    kind, text, start = sys.argv[1:]
    match kind:
        case "sync":
            stream(text, int(start))
        case "async":
            asyncio.run(stream_async(text, int(start)))
        case "fork":
            fork(text, int(start))

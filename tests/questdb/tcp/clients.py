"""Clients by TCP of both kinds, until there is a sender around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.net.tcp_sync import TcpConnection
from moorline.questdb.batch import Batch
from moorline.questdb.settings import settings_of
from moorline.questdb.tcp import Line, deliver, leave
from moorline.questdb.tls import Contexts
from moorline.shell import aio, sync

if TYPE_CHECKING:
    import asyncio

    from moorline.lab import QuestdbLab

LATE = 5.0  # seconds for an objection, where one must come: it is not waited for longer


class Blocking:
    def __init__(self, protocol: str, options: dict[str, Any]) -> None:
        settings = settings_of(protocol, options)
        contexts = Contexts(settings.tls) if settings.tls else None
        (address,) = settings.addresses
        self.line = Line.of(settings, contexts)
        self.made = self.connection(address.host, address.port, settings.bind_interface)

    connection = TcpConnection

    def run(self, flow):
        return sync.run(flow, perform=self.made.perform)

    def deliver(self, *rows: str):
        self.run(deliver(batch(*rows), self.line))

    def leave(self):
        self.run(leave(self.line))

    def close(self):
        self.made.close()


class Looping(Blocking):
    connection = AsyncTcpConnection
    runner: asyncio.Runner

    def run(self, flow):
        return self.runner.run(aio.run(flow, perform=self.made.perform))


def batch(*rows: str) -> Batch:
    return Batch("".join(f"{row}\n" for row in rows).encode(), len(rows))


def at(lab: QuestdbLab, protocol: str = "tcp", host: str = "localhost") -> dict:
    """Return the options that lead to the front, where streams are written down."""
    port = lab.front.ilp_port if protocol == "tcp" else lab.tcps_port
    more = {} if protocol == "tcp" else {"tls_roots": lab.ca_file}
    return {"addr": f"{host}:{port}", **more}


def direct(lab: QuestdbLab) -> dict:
    return {"addr": f"localhost:{lab.ilp_port}"}

"""Stand before the server: let clients in, and end their sessions when told to."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from moorline.lab.dsql_channel import Channel
from moorline.lab.dsql_identity import CLUSTER_ID, DATABASE
from moorline.lab.dsql_listener import Listener
from moorline.lab.dsql_relay import CutError, Relay
from moorline.lab.dsql_wire import CANCEL, startup

if TYPE_CHECKING:
    from moorline.lab.dsql_login import Reception
    from moorline.lab.dsql_wire import Startup
    from moorline.lab.loop import LoopThread

__all__ = ["Front"]


class Front:
    """Listen, let in whom the reception lets in, and pass on what is said.

    Args:
        thread: Where the loop runs.
        host: The address to listen on.
        port: 0 for any that is free.
        upstream: The server's Unix socket.
        reception: Decides who is let in.
    """

    def __init__(
        self,
        thread: LoopThread,
        host: str,
        port: int,
        upstream: str,
        reception: Reception,
    ) -> None:
        self._thread = thread
        self._upstream = upstream
        self._reception = reception
        self._sessions: dict[Relay, float] = {}  # since when, by the loop's clock
        self._killed: set[Relay] = set()
        self._listener = Listener(thread, host, port, self._serve)
        self.address = self._listener.address

    def close(self) -> None:
        """Stop listening, and reset what is open."""
        self._listener.close()

    @property
    def sessions(self) -> int:
        """How many clients are in now."""
        return len(self._sessions)

    def freeze(self) -> None:
        """Answer nobody, and read nothing."""
        self._thread.run(self._freeze)

    def thaw(self) -> None:
        """Go on where everything was left."""
        self._thread.run(self._thaw)

    def kill(self, age: float, *, idle: bool) -> int:
        """End the sessions that are so many seconds old; return how many there were.

        ``idle`` spares those that are in a transaction or wait for an answer. They
        end in order, without a word: nothing is on record of what DSQL says then.
        """
        return self._thread.run(lambda: self._kill(age, idle=idle))

    # What follows runs in the loop.

    async def _freeze(self) -> None:
        self._listener.thawed.clear()

    async def _thaw(self) -> None:
        self._listener.thawed.set()

    async def _kill(self, age: float, *, idle: bool) -> int:
        latest = asyncio.get_running_loop().time() - age
        chosen = [
            relay
            for relay, since in self._sessions.items()
            if since <= latest and (relay.idle or not idle)
        ]
        for relay in chosen:
            self._end(relay)
        return len(chosen)

    def _end(self, relay: Relay) -> None:
        if relay in self._sessions:
            self._killed.add(relay)
            relay.end()

    async def _serve(self, client: Channel) -> None:
        self._reception.records.opened(client.clear)
        given = await self._reception.receive(client)
        if given is not None:
            server = Channel(socket.socket(socket.AF_UNIX), self._listener.thawed)
            try:
                await server.connect(self._upstream)
                await server.write(startup(given, _for_server(given)))
                if given.code == CANCEL:
                    await server.read()  # the server ends when it has done it
                elif not await self._pass_on(client, server):
                    return
            finally:
                server.close(reset=False)
        await client.finish()

    async def _pass_on(self, client: Channel, server: Channel) -> bool:
        """Return when it is over: whether one side ended it."""
        loop, armed = asyncio.get_running_loop(), self._reception.armed
        relay = Relay(
            client,
            server,
            armed,
            self._reception.records,
            check_parameters=self._reception.identity.check_parameters,
        )
        self._sessions[relay] = loop.time()
        self._reception.records.notify()
        timer = None
        if armed.longest is not None:
            timer = loop.call_later(armed.longest, self._end, relay)
        try:
            await relay.run()
        except CutError:
            client.close(reset=True)
            return False
        finally:
            if timer is not None:
                timer.cancel()
            del self._sessions[relay]
            killed = relay in self._killed
            self._killed.discard(relay)
            self._reception.records.notify()
        return not killed


def _for_server(given: Startup) -> dict[str, str]:
    """Return the parameters that PostgreSQL understands."""
    own = {name: value for name, value in given.options.items() if name != CLUSTER_ID}
    known = dict(given.parameters)
    known.setdefault("database", DATABASE)
    if "options" in known:
        known["options"] = " ".join(
            f"-c {name}={_escaped(value)}" for name, value in own.items()
        )
    return known


def _escaped(value: str) -> str:
    return "".join(f"\\{one}" if one.isspace() or one == "\\" else one for one in value)

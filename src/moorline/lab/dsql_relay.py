"""Pass on what a client and the server say, as Aurora DSQL would say it.

To fail a statement, the front sends the server one that it cannot parse, in place of
the client's, and gives the server's answer another text. So it is the server that
knows what follows from a failure: that the rest of a pipeline is skipped, and that a
transaction is aborted. Only after a failed COMMIT, where PostgreSQL would leave an
aborted transaction and DSQL leaves none, does the front roll back, and until that is
done it keeps the client waiting.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorline.lab import dsql_sql as sql
from moorline.lab.dsql_refusals import CONFLICTS, unsupported
from moorline.lab.dsql_wire import Frames, parse, query, read_failure, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab.dsql_armed import Armed
    from moorline.lab.dsql_channel import Channel
    from moorline.lab.dsql_records import Records
    from moorline.lab.dsql_wire import Failure

__all__ = ["CutError", "Relay"]

_REAL_CONFLICTS = frozenset({"40001", "55P03"})  # serialization, lock_timeout
_MARK = re.compile(r'"(moorline_mark_\d+)"')


class CutError(Exception):
    """A fault cuts the connection now."""


@dataclass(slots=True)
class _FailedCommit:
    """A conflict that is being brought about; then the client may go on."""

    what: str
    mark: str  # of the statement in place of COMMIT
    fence: str  # of one more, behind it, which shows whether that one was reached
    delivered: bool = False
    fenced: bool = False
    rolling_back: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Relay:
    """One session, from login to end. To be used in one event loop."""

    def __init__(
        self,
        client: Channel,
        server: Channel,
        armed: Armed,
        records: Records,
        *,
        check_parameters: bool,
    ) -> None:
        self._client = client
        self._server = server
        self._armed = armed
        self._records = records
        self._check_parameters = check_parameters
        self._statements: dict[str, str] = {}  # prepared: name, text
        self._portals: dict[str, str] = {}  # the same
        self._numbers = itertools.count(1)
        self._planned: dict[str, Failure] = {}  # by the mark in the server's answer
        self._status = b"I"  # of the transaction: idle, in one (T), in a failed one (E)
        # Since that was heard:
        self._asked = True  # the client said something
        self._begun = False  # BEGIN was passed on
        self._failed = False  # the server reported a failure
        self._cut_after = False  # when COMMIT is confirmed
        self._commit: _FailedCommit | None = None
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether the client is in no transaction and waits for no answer."""
        return self._status == b"I" and not self._asked

    async def run(self) -> None:
        """Pass on until one side ends. Raises CutError if a fault is to cut both."""
        self._ways = {asyncio.create_task(way) for way in (self._up(), self._down())}
        try:
            await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end()
            await asyncio.gather(*self._ways, return_exceptions=True)
        for way in self._ways:
            if not way.cancelled():
                way.result()

    def end(self) -> None:
        """Have `run` return."""
        for way in self._ways:
            way.cancel()

    # From the client

    async def _up(self) -> None:
        frames = Frames()
        while data := await self._client.read():
            out: list[bytes] = []
            for said in frames.feed(data):
                self._asked = True
                out.append(self._outgoing(said))
                if self._commit is not None and said[:1] in {b"Q", b"S"}:
                    out.append(query(self._commit.fence))
                    await self._server.write(b"".join(out))
                    out.clear()
                    await self._commit.over.wait()
                    self._commit = None
            await self._server.write(b"".join(out))

    def _outgoing(self, said: bytes) -> bytes:
        """Return what to send the server. Raises CutError."""
        match said[:1]:
            case b"Q":
                (text,) = texts(said, 1)
                return self._fate(text, query) or said
            case b"P":
                name, text = texts(said, 2)
                if refusal := self._refusal(text):
                    return self._fail(refusal, parse)
                self._statements[name] = text
            case b"B":
                portal, name = texts(said, 2)
                self._portals[portal] = self._statements.get(name, "")
            case b"E":
                (portal,) = texts(said, 1)
                return self._fate(self._portals.get(portal, ""), parse) or said
            case _:
                pass
        return said

    def _fate(self, text: str, send: Callable[[str], bytes]) -> bytes | None:
        """Return what to send in place of a statement, None to let it pass."""
        # In a pipeline the last status may be from before a BEGIN.
        piped = send is parse and self._status == b"I"
        within = self._status == b"T" or self._begun
        if sql.commits(text):
            return self._commit_fate(send) if within or piped else None
        if refusal := self._refusal(text):
            return self._fail(refusal, send)
        if sql.does_work(text) and (within or self._status == b"I"):
            what = self._armed.take("statement", text)
            if what is not None:
                return self._fail(CONFLICTS[what], send)
        self._begun = self._begun or sql.begins(text)
        return None

    def _commit_fate(self, send: Callable[[str], bytes]) -> bytes | None:
        self._records.count("commits")
        match self._armed.take("commit"):
            case None:
                return None
            case "before commit":
                self._records.count("cuts")
                raise CutError
            case "after commit":
                self._cut_after = True
                return None
            case what:
                mark, fence = self._new_mark(), self._new_mark()
                self._commit = _FailedCommit(what, mark, fence)
                self._planned[mark] = CONFLICTS[what]
                return send(mark)

    def _refusal(self, text: str) -> Failure | None:
        name = sql.unsettable(text) if self._check_parameters else None
        return unsupported(name) if name is not None else None

    def _fail(self, failure: Failure, send: Callable[[str], bytes]) -> bytes:
        mark = self._new_mark()
        self._planned[mark] = failure
        return send(mark)

    def _new_mark(self) -> str:
        return f"moorline_mark_{next(self._numbers)}"

    # From the server

    async def _down(self) -> None:
        frames = Frames()
        while data := await self._server.read():
            out: list[bytes] = []
            for said in frames.feed(data):
                match said[:1]:
                    case b"E":
                        out.append(self._failure(said))
                    case b"C":
                        out.append(self._completion(said))
                    case b"Z":
                        out.append(await self._readiness(said))
                    case _:
                        out.append(said)
            await self._client.write(b"".join(out))

    def _failure(self, said: bytes) -> bytes:
        self._failed = True
        failure = read_failure(said)
        found = _MARK.search(failure.text)
        mark = found[1] if found else ""
        if self._commit is not None and mark == self._commit.fence:
            self._commit.fenced = True
            return b""
        if planned := self._planned.pop(mark, None):
            if self._commit is not None and mark == self._commit.mark:
                self._commit.delivered = True
            if planned.code in _REAL_CONFLICTS:
                self._records.count("injected")
            return bytes(planned)
        if failure.code in _REAL_CONFLICTS:
            self._records.count("conflicts")
            return bytes(CONFLICTS["OC001" if "(OC001)" in failure.text else "OC000"])
        return said

    def _completion(self, said: bytes) -> bytes:
        if self._commit is not None and self._commit.rolling_back:
            return b""
        if texts(said, 1) == ["COMMIT"]:
            self._records.count("committed")
            if self._cut_after:
                self._records.count("cuts")
                raise CutError
        return said

    async def _readiness(self, said: bytes) -> bytes:
        self._status, failed = said[-1:], self._failed
        self._asked = self._begun = self._failed = False
        if self._cut_after and failed:  # there is no COMMIT to be confirmed
            self._cut_after = False
            self._armed.give_back("commit", "after commit")
        commit = self._commit
        if commit is None or not (commit.fenced or commit.delivered):
            return said
        if not commit.fenced:  # what follows the conflict is told after the rollback
            return b""
        if not commit.delivered:  # an earlier failure came first, and was told
            self._planned.pop(commit.mark, None)
            self._armed.give_back("commit", commit.what)
            said = b""
        elif self._status != b"I" and not commit.rolling_back:
            commit.rolling_back = True
            await self._server.write(query("ROLLBACK"))
            return b""
        commit.over.set()
        return said

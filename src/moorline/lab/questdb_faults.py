"""What can go wrong between a client and a QuestDB server, at a test's command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from moorline.lab.errors import LabError
from moorline.lab.questdb_armed import Answer, Break, Cut, Delay, Silence, When

if TYPE_CHECKING:
    from moorline.lab.questdb_armed import Armed
    from moorline.lab.questdb_doors import Doors

__all__ = ["Greeting", "QuestdbFaults"]

Greeting: TypeAlias = Literal["reset", "silent"]


class QuestdbFaults:
    """The faults of a front; with ``times`` they happen so often, or until `reset`.

    Those of one kind of moment (a connection, a request, a stream) happen in the order
    in which they were armed. Faults of requests befall those whose target contains
    ``containing``, by default the ones that write. All methods are thread-safe.
    """

    def __init__(self, armed: Armed, doors: Doors) -> None:
        self._armed = armed
        self._doors = doors

    def reset(self) -> None:
        """Undo every fault that is still to come, listen again, and thaw."""
        self._armed.reset()
        self._doors.admit()
        self._doors.thaw()

    # Of connections, on all ports of the front

    def refuse(self) -> None:
        """Let nobody listen until `admit`; what is open is reset."""
        self._doors.refuse()

    def admit(self) -> None:
        """Listen again, on the same ports."""
        self._doors.admit()

    def cut_now(self) -> None:
        """Reset all connections that are open."""
        self._doors.cut()

    def freeze(self) -> None:
        """Accept connections and read nothing, from those that are open either."""
        self._doors.freeze()

    def thaw(self) -> None:
        """Go on where everything was left; nothing is lost."""
        self._doors.thaw()

    def greet(self, how: Greeting, *, times: int | None = 1) -> None:
        """Do this to new connections, before TLS.

        ``reset``
            They are accepted, then reset.
        ``silent``
            They are accepted, and nothing is answered.
        """
        if how not in get_args(Greeting):
            raise LabError(f"{how!r} is no such fault; there are reset and silent")
        fault = Silence() if how == "silent" else Cut("before request")
        self._armed.add("connection", fault, times)

    # Of HTTP requests

    def answer(
        self,
        status: int,
        *,
        retry_after: str | float | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        times: int | None = 1,
        containing: str = "/write",
    ) -> None:
        """Answer in the server's place, which never hears of the request.

        ``retry_after`` is the header of that name: seconds, or a date in HTTP's form.
        """
        given = dict(headers or {})
        if retry_after is not None:
            given["Retry-After"] = str(retry_after)
        self._armed.add("request", Answer(status, given, body), times, containing)

    def cut(
        self, when: When, *, times: int | None = 1, containing: str = "/write"
    ) -> None:
        """Reset the connection at a request.

        ``before request``
            It was read to its end, and the server never hears of it.
        ``in request``
            The server gets half of the body, and then the end of the connection.
            With a body in chunks it is the beginning of the first one.
        ``in answer``
            The server has done what it was asked to; half of its answer is passed on.
        ``after answer``
            The same, but the client is told nothing.
        """
        if when not in get_args(When):
            known = ", ".join(get_args(When))
            raise LabError(f"{when!r} is no such fault; there are {known}")
        self._armed.add("request", Cut(when), times, containing)

    def delay(
        self, seconds: float, *, times: int | None = 1, containing: str = "/write"
    ) -> None:
        """Pass the request on at once, and the answer so much later.

        A client that hangs up earlier is told nothing, though the server has done it.
        """
        self._armed.add("request", Delay(seconds), times, containing)

    def silence(self, *, times: int | None = 1, containing: str = "/write") -> None:
        """Read the request, pass nothing on and never answer."""
        self._armed.add("request", Silence(), times, containing)

    # Of ILP by TCP

    def cut_stream(self, after: int, *, times: int | None = 1) -> None:
        """Reset a connection when the server was given so many bytes of it."""
        self._armed.add("stream", Break(after), times)

"""What can go wrong at a stand-in for Aurora DSQL, at a test's command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from moorline.lab.dsql_refusals import CONFLICTS, FAULTS
from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Collection

    from moorline.lab.dsql_armed import Armed
    from moorline.lab.dsql_front import Front
    from moorline.lab.dsql_refusals import Conflict, Refusal

__all__ = ["Cut", "Faults"]

Cut: TypeAlias = Literal["before commit", "after commit"]


class Faults:
    """The faults of a lab; each happens ``times`` times, or until `reset` with None.

    Those of one moment happen in the order in which they were armed. All methods are
    thread-safe.
    """

    def __init__(self, armed: Armed, front: Front) -> None:
        self._armed = armed
        self._front = front

    def reset(self) -> None:
        """Undo every fault that is still to come, and thaw."""
        self._armed.reset()
        self._front.thaw()

    # At the login

    def fail_login(self, kind: Refusal, *, times: int | None = 1) -> None:
        """Refuse clients whose token is good.

        ``waking up``
            "waking up cluster, please retry later" (57P03).
        ``rate``, ``too many``
            The quotas on new (53400) and on open connections (53300).
        ``expired``
            "access denied" (28000) with the hint "Signature expired: …".
        ``denied``
            "access denied" without a hint.
        """
        self._armed.add("login", _one_of(kind, FAULTS), times)

    def limit_rate(self, per_second: float, burst: float) -> None:
        """Refuse logins beyond a rate as the service does: 100 a second, 1000 at once.

        A token bucket: full at first, and filled again at ``per_second``.
        """
        self._armed.limit_rate(per_second, burst)

    def refuse_tls(self, *, times: int | None = None) -> None:
        """Answer ``N`` to the request for TLS, as an impostor would.

        A client that goes on in clear is asked for its token, and then refused; see
        `DsqlLab.plain_bytes`. Who begins with TLS at once is hung up on.
        """
        self._armed.add("tls", "refuse", times)

    @property
    def clock_skew(self) -> float:
        """Seconds by which the cluster's clock is ahead of this machine's."""
        return self._armed.clock_skew

    @clock_skew.setter
    def clock_skew(self, seconds: float) -> None:
        self._armed.clock_skew = seconds

    # In transactions

    def conflict_at_commit(
        self, code: Conflict = "OC000", *, times: int | None = 1
    ) -> None:
        """Answer COMMIT with SQLSTATE 40001 and "(OC000)" or "(OC001)".

        The transaction is rolled back at the server first. Only a COMMIT or END that
        is sent alone is recognised, in the simple and in the extended protocol.
        """
        self._armed.add("commit", _one_of(code, CONFLICTS), times)

    def conflict_at_statement(
        self, code: Conflict = "OC001", *, times: int | None = 1, containing: str = ""
    ) -> None:
        """Answer a statement so in its place, BEGIN and SELECT included.

        ``containing`` spares statements without this text. COMMIT and ROLLBACK are
        never answered so, nor is a statement in a failed transaction.
        """
        self._armed.add("statement", _one_of(code, CONFLICTS), times, containing)

    def cut(self, when: Cut, *, times: int | None = 1) -> None:
        """Reset the connection at COMMIT, so that the client cannot know its outcome.

        ``before commit``
            The server never hears of it: nothing was done.
        ``after commit``
            The server has confirmed it, and the client is not told.
        """
        self._armed.add("commit", _one_of(when, get_args(Cut)), times)

    # At any time

    def kill(self, *, age: float = 0.0) -> int:
        """End sessions that are so many seconds old; return how many they were.

        A query may be running. The connection is closed in order (FIN), and no error
        is sent, since none is documented.
        """
        return self._front.kill(age, idle=False)

    def kill_idle(self) -> int:
        """End sessions that are in no transaction and wait for no answer."""
        return self._front.kill(0.0, idle=True)

    def limit_age(self, seconds: float | None) -> None:
        """End each session that is let in from now on at this age, like `kill`.

        The service's own limit is 3600 seconds.
        """
        self._armed.longest = seconds

    def freeze(self) -> None:
        """Accept connections and read nothing, in sessions that are open too."""
        self._front.freeze()

    def thaw(self) -> None:
        """Go on where everything was left; nothing is lost."""
        self._front.thaw()


def _one_of(given: str, known: Collection[str]) -> str:
    if given not in known:
        raise LabError(f"{given!r} is no such fault; there are {', '.join(known)}")
    return given

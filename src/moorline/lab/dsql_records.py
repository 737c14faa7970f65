"""Remember what happened at a stand-in for Aurora DSQL."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Login", "Records", "Transactions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a client presented when it logged in, and what became of it.

    ``reason`` says in a word or two why it was refused. Of the connection: "no TLS",
    "sni", "cluster id", "database", "parameter". Of the token: "malformed", "host",
    "region", "service", "access key", "signature", "session token", "duration",
    "not yet valid", "expired", "credentials expired", "action", "user". Of a fault:
    what was asked of `Faults.fail_login`, or "rate" by `Faults.limit_rate`.
    """

    sni: str | None = None  # the name that was asked for with TLS
    tls: bool = False
    direct_tls: bool = False  # TLS from the first byte, without a request
    user: str = ""
    database: str = ""
    application_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])  # all others
    verified: bool = False  # the token was good, whatever else was not
    accepted: bool = False
    reason: str = ""
    hint: str = ""
    # The token's, as far as it could be read; the token itself is not kept.
    token: str = ""  # a fingerprint: equal for equal tokens
    access_key: str = ""
    action: str = ""
    token_host: str = ""
    expires: int | None = None  # seconds for which it was signed


@dataclass(frozen=True, slots=True)
class Transactions:
    """How many of each there were so far."""

    commits: int = 0  # COMMIT in an open transaction, whatever became of it
    committed: int = 0  # those of them that the server confirmed, told or not
    conflicts: int = 0  # real ones: locks and serialization failures of the server
    injected: int = 0  # conflicts by `Faults`
    cuts: int = 0  # connections cut by `Faults.cut`


class Records:
    """Lists and counters. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.reset()

    def reset(self) -> None:
        """Forget all but the connections that are open."""
        with self._changed:
            self._logins: list[Login] = []
            self._clear: list[bytearray] = []
            self._transactions = Transactions()

    @property
    def logins(self) -> tuple[Login, ...]:
        """All logins, oldest first."""
        with self._changed:
            return tuple(self._logins)

    @property
    def clear(self) -> tuple[bytes, ...]:
        """What clients sent without TLS, one entry for each connection."""
        with self._changed:
            return tuple(bytes(one) for one in self._clear)

    @property
    def transactions(self) -> Transactions:
        """The counters now."""
        return self._transactions

    def opened(self, clear: bytearray) -> None:
        """Remember a connection, and what it will send in clear."""
        with self._changed:
            self._clear.append(clear)

    def login(self, one: Login) -> None:
        """Remember a login."""
        with self._changed:
            self._logins.append(one)
            self._changed.notify_all()

    def count(self, name: str) -> None:
        """Add one to a counter of `Transactions`."""
        with self._changed:
            more = getattr(self._transactions, name) + 1
            self._transactions = replace(self._transactions, **{name: more})

    def notify(self) -> None:
        """Have those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

"""Keep the AWS credentials that a stand-in for Aurora DSQL knows."""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Credentials", "Keyring"]

_ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SESSION_TOKEN = 600  # bytes; with base64 as long as real ones, and no power of two


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials that a lab accepts. They are made up, and open nothing else."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires: datetime | None  # with time zone; tokens signed with them die with them
    users: frozenset[str]  # the database users for whom they may connect


class Keyring:
    """Make and find credentials. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Credentials] = {}

    def make(
        self, users: Iterable[str], *, lifetime: float | None, session_token: bool
    ) -> Credentials:
        """Make credentials, and know them from now on; ``lifetime`` in seconds."""
        lasting = None if lifetime is None else timedelta(seconds=lifetime)
        prefix = "ASIA" if session_token else "AKIA"  # temporary, or of a person
        made = Credentials(
            access_key=prefix + "".join(secrets.choice(_ID) for _ in range(16)),
            # With "+" and "/", so that a client has to escape them.
            secret_key=base64.b64encode(secrets.token_bytes(30)).decode(),
            session_token=_session_token() if session_token else None,
            expires=None if lasting is None else datetime.now(UTC) + lasting,
            users=frozenset(users),
        )
        with self._lock:
            self._known[made.access_key] = made
        return made

    def find(self, access_key: str) -> Credentials | None:
        """Return the credentials of an access key."""
        with self._lock:
            return self._known.get(access_key)

    def forget_all_but(self, kept: Credentials) -> None:
        """Know one set of credentials only."""
        with self._lock:
            self._known = {kept.access_key: kept}


def _session_token() -> str:
    return base64.b64encode(b"\xfb\xff" + secrets.token_bytes(_SESSION_TOKEN)).decode()

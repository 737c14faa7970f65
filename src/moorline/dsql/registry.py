"""What the whole process shares: tokens, and the pace of its connects."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from moorline.core.bucket import Rate, TokenBucket
from moorline.core.options import Given
from moorline.dsql.renewal import Renewal
from moorline.dsql.tokens import TokenSource
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from moorline.dsql.signing import Token

__all__ = [
    "TokenKey",
    "TokenState",
    "limit_connects",
    "source_for",
    "token_states",
    "turn",
]

logger = logging.getLogger(__name__)

# What the service allows a cluster; its burst of 1000 is shared by all its clients.
RATE = Rate(per_second=100.0, burst=100.0)
MOST_SOURCES = 1000


class TokenKey(NamedTuple):
    """What a token depends on.

    Args:
        host: What it is signed for.
        region: The cluster's.
        action: The IAM action.
        seconds: How long it is valid.
        identity: What stands for the credentials.
    """

    host: str
    region: str
    action: str
    seconds: int
    identity: Hashable


class TokenState(NamedTuple):
    """How things are with one token.

    Args:
        host: The cluster.
        action: What it allows.
        good_until: Until when it is used, in seconds since 1970; `None`: there is none.
        renew_at: From when on the next one is signed; the same.
        last_error: Why the last signing failed; `None` if it went well.
    """

    host: str
    action: str
    good_until: float | None
    renew_at: float | None
    last_error: Exception | None


_lock = threading.Lock()
_sources: dict[TokenKey, TokenSource] = {}
_renewal = Renewal()
_buckets: dict[str, TokenBucket] = {}
_rate = RATE


def source_for(key: TokenKey, sign: Callable[[], Token]) -> TokenSource:
    """Return the one source of this token; `sign` serves if there is none yet."""
    with _lock:
        source = _sources.get(key)
        if source is None:
            if len(_sources) >= MOST_SOURCES:
                # Whoever uses it goes on with it.
                del _sources[next(iter(_sources))]
            source = _sources[key] = TokenSource(
                sign,
                clock=time.time,
                new_lock=threading.Lock,
                new_flight=Future,
                dice=random.random,
                listen=_signed,
            )
        return source


def token_states() -> list[TokenState]:
    """Return how things are with the tokens of this process, without the tokens."""
    found: list[TokenState] = []
    for key, source in list(_sources.items()):
        token = source.token
        until, renew_at = (token.good_until, token.renew_at) if token else (None, None)
        error = source.last_error
        found.append(TokenState(key.host, key.action, until, renew_at, error))
    return found


def turn(host: str) -> float:
    """Take a turn among the connects to a cluster; return the seconds until then."""
    with _lock:
        bucket = _buckets.setdefault(host, TokenBucket(_rate))
        return bucket.take(time.monotonic())


def limit_connects(
    per_second: float = RATE.per_second, burst: float = RATE.burst
) -> None:
    """Set the pace at which this process opens connections to each cluster.

    The service lets a cluster have 100 new ones a second, and 1000 at once after a
    rest; see the Aurora DSQL user guide, "Cluster quotas and database limits". Where
    many processes share a cluster, give each its part.

    Args:
        per_second: In the long run.
        burst: At once, after a rest.

    Raises:
        ConfigError: A number is too small.
    """
    for name, value, least in (("per_second", per_second, 0.01), ("burst", burst, 1)):
        if not least <= value < float("inf"):
            given = Given(name, value, "keyword argument")
            raise ConfigError(f"{given}: write a number, {least} or more")
    global _rate  # noqa: PLW0603 - one pace for the process
    with _lock:
        _rate = Rate(per_second, burst)
        _buckets.clear()


def _signed(source: TokenSource) -> None:
    """Say what went wrong, and have the next token signed when it is due."""
    if source.last_error is not None:
        token = source.usable()
        left = token.good_until - source.clock() if token else 0.0
        logger.warning(
            "no new token: %s; the last one is good for %.0f s more",
            source.last_error,
            left,
        )
    _renewal.expect(source)


def _start_afresh() -> None:
    """Give a forked child its own lock and pace; tokens are as good as before."""
    global _lock, _renewal
    _lock, _renewal = threading.Lock(), Renewal()
    _buckets.clear()
    for source in _sources.values():
        source.start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)

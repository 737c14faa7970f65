"""Having a token when one is needed: kept, shared, renewed before it ends.

One caller signs for all who come meanwhile. At 80 % of a token's life the next one is
signed in the background; a timer sees to that, and whoever comes later than it should
have. What decides is the calendar, so a process that was frozen finds out at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakSet

from moorline.core.backoff import Backoff
from moorline.core.steps import Act, Now, Start, Wait
from moorline.errors import ConfigError, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from moorline.core.flight import Flight
    from moorline.core.flow import Flow
    from moorline.dsql.signing import Token

__all__ = ["Failed", "Signed", "TokenSource", "obtain", "renew"]

RENEWAL_BACKOFF = Backoff(base=0.1, cap=30.0)


class Signed(NamedTuple):
    """There is a new token."""

    token: Token


class Failed(NamedTuple):
    """None could be signed; `None`: whoever tried was cancelled."""

    error: Exception | None


Signing: TypeAlias = "Flight[Signed | Failed]"


class TokenSource:
    """The token for one host, region, action and set of credentials.

    Args:
        sign: Makes a token; may block.
        clock: Seconds since 1970.
        new_lock: Makes the lock that threads and tasks share.
        new_flight: Makes a future for a signing.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
        listen: Hears of each signing that ended.

    Attributes:
        token: The last one that was signed.
        last_error: Why the last signing failed; `None` if it went well.
        holders: Connections of pools: as long as one is there, a token shall be ready.
    """

    def __init__(
        self,
        sign: Callable[[], Token],
        *,
        clock: Callable[[], float],
        new_lock: Callable[[], AbstractContextManager[object]],
        new_flight: Callable[[], Signing],
        dice: Callable[[], float],
        listen: Callable[[TokenSource], object] = id,
    ) -> None:
        self.sign = sign
        self.clock = clock
        self.dice = dice
        self.listen = listen
        self.token: Token | None = None
        self.last_error: Exception | None = None
        self.holders: WeakSet[object] = WeakSet()
        self._new_lock = new_lock
        self._new_flight = new_flight
        self.start_afresh()

    def start_afresh(self) -> None:
        """Forget flights and the lock, as a forked child must; the token stays."""
        self._lock = self._new_lock()
        self._flight: Signing | None = None
        self._failures = 0
        self._next_try = 0.0
        self._was_used = False

    def usable(self) -> Token | None:
        """Return the token if it can be used now."""
        token = self.token
        return token if token and self.clock() < token.good_until else None

    def use(self) -> Token | None:
        """Do what `usable` does, for somebody who logs in."""
        self._was_used = True
        return self.usable()

    def is_wanted(self) -> bool:
        """Tell whether somebody is there for whom to renew the token unasked."""
        return self._was_used or bool(self.holders)

    def due_in(self) -> float:
        """Return the seconds until the next token should be signed, by the calendar."""
        token = self.token
        due_at = max(token.renew_at if token else 0.0, self._next_try)
        return due_at - self.clock()

    def is_due(self) -> bool:
        """Tell whether the next token should be signed by now; needs no lock."""
        return self.due_in() <= 0

    def claim(self) -> tuple[Signing, bool]:
        """Return the signing that is under way, or a new one that the caller leads."""
        with self._lock:
            if self._flight is not None and not self._flight.done():
                return self._flight, False
            self._flight = self._new_flight()
            return self._flight, True

    def land(self, flight: Signing, outcome: Signed | Failed) -> None:
        """Note how a signing ended, and let those who wait for it know."""
        match outcome:
            case Signed(token):
                self.token, self.last_error = token, None
                self._failures, self._next_try = 0, 0.0
            case Failed(error):
                self.last_error = error or self.last_error
                self._failures += 1
                pause = RENEWAL_BACKOFF.delay(self._failures, self.dice())
                self._next_try = self.clock() + pause
        self._was_used = False
        flight.set_result(outcome)
        self.listen(self)

    def discard(self, token: Token) -> None:
        """Use a token no more: the server did not take it."""
        with self._lock:
            if self.token is token:
                self.token = None


def obtain(source: TokenSource, timeout: float | None = None) -> Flow[Token]:
    """Return a token that can be used now.

    Args:
        source: Where it comes from.
        timeout: Seconds to wait while one is signed; `None` for no limit.

    Raises:
        TimeoutError: The time is over.
        TokenError: No token could be signed; the cause is its ``__cause__``.
    """
    token = source.use()
    if token is None:
        return (yield from _signed(source, timeout))
    if source.is_due():
        flight, leads = source.claim()
        if leads:
            yield from Start(renew(source, flight))
    return token


def _signed(source: TokenSource, timeout: float | None) -> Flow[Token]:
    """Wait for a token that is signed now, by this caller or by another."""
    began = (yield from Now()) if timeout is not None else 0.0
    left, waited = timeout, False
    while True:
        flight, leads = source.claim()
        if leads and timeout is None:
            yield from renew(source, flight)
        elif leads:  # beside the caller, who can then give up in time
            yield from Start(renew(source, flight))
        outcome = yield from Wait(flight, left)
        match outcome:
            case Signed(token):
                return token
            case Failed(error) if error is None:
                pass  # whoever led was cancelled: lead the next one
            case Failed(error) if leads or waited or isinstance(error, ConfigError):
                raise TokenError(f"no token could be signed: {error}") from error
            case _:  # it began before this caller came, and things may have changed
                waited = True
        if timeout is not None:
            left = max(0.0, timeout - ((yield from Now()) - began))


def renew(source: TokenSource, flight: Signing) -> Flow[None]:
    """Sign a token for all who wait for this flight."""
    outcome: Signed | Failed = Failed(None)
    try:
        outcome = Signed((yield from Act(source.sign)))
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
        outcome = Failed(error)
    finally:
        source.land(flight, outcome)

"""Opening a connection with a token: one flow for threads and tasks."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from moorline.core.address import Address
from moorline.core.attempt import Attempt
from moorline.core.backoff import Backoff
from moorline.core.deadline import Deadline
from moorline.core.steps import Act, Connect, Now, Sleep
from moorline.dsql.refusals import Refusal, refusal_of
from moorline.dsql.signing import action_for
from moorline.dsql.tokens import obtain
from moorline.errors import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.flow import Flow
    from moorline.core.request import Dialect
    from moorline.dsql.endpoint import Endpoint
    from moorline.dsql.signing import Token
    from moorline.dsql.tokens import TokenSource

__all__ = ["Target", "login"]

logger = logging.getLogger(__name__)

BUSY_BACKOFF = Backoff(base=0.2, cap=5.0)


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """A cluster, and how one caller logs in to it.

    Args:
        endpoint: The cluster, and the host to dial.
        port: Where it listens.
        hostaddr: An address to dial instead, as libpq's parameter of that name.
        user: The database user.
        timeout: Seconds for the whole login; `None` for no limit.
        source: Where tokens come from.
        turn: Takes a turn among the connects of this process, and returns the seconds
            until it comes.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
        dialect: What the driver is like.
        dials_names: Whether the driver finds the address of a host that it dials under
            another name.
    """

    endpoint: Endpoint
    port: int
    hostaddr: str
    user: str
    timeout: float | None
    source: TokenSource
    turn: Callable[[], float]
    dice: Callable[[], float]
    dialect: Dialect
    dials_names: bool


@dataclass(slots=True)
class _Login:
    """One login, as it goes on."""

    target: Target
    deadline: Deadline
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    refused: int = 0  # because the cluster was busy
    stale: int = 0  # because the token was out of date
    is_over: bool = False

    def over(self, why: str, error: Exception | None = None) -> Exception:
        """Return the error that says that no time is left."""
        limit = f"{self.target.dialect.timeout}={self.target.timeout:g}"
        where = self.target.endpoint.name
        summary = f"no connection to {where} within {limit} s: {why}"
        raised = self.target.dialect.deadline(summary, self.attempts)
        raised.__cause__ = error
        return raised


def login(target: Target) -> Flow[object]:
    """Open a connection that is logged in.

    A token that the server calls out of date is signed anew, once. While the cluster
    is busy or waking up, the login waits and tries again until its time is over; other
    refusals are raised as the driver gave them.

    Raises:
        DeadlineExceeded: The time is over.
        TokenError: There is no token, or the server takes none that this machine's
            clock makes.
    """
    now = yield from Now()
    deadline = Deadline.after(now, target.timeout, target.dialect.least_share)
    this = _Login(target, deadline)
    address = yield from _address(target)
    while True:
        yield from _pause(this, target.turn(), "too many connects at once")
        token = yield from _token(this)
        begun = yield from Now()
        try:
            step = Connect(address, deadline.left(begun), password=token.text)
            return (yield from step)
        except Exception as error:  # noqa: BLE001 - the table decides
            now = yield from Now()
            this.is_over = deadline.over(now)
            fault = target.dialect.fault_of(error)
            tried = Attempt(address, fault.reason, seconds=now - begun)
            pause = _after(this, tried, refusal_of(fault), error, token)
        yield from _pause(this, pause, "the cluster takes nobody")


def _after(
    this: _Login, tried: Attempt, refusal: Refusal, error: Exception, token: Token
) -> float:
    """Return the seconds to wait after a failed login, or raise what it means."""
    target, reason = this.target, tried.reason
    this.attempts.append(tried._replace(answered=refusal is not Refusal.OTHER))
    match refusal:
        case Refusal.STALE if not this.stale:
            this.stale += 1
            target.source.discard(token)
            return 0.0
        case Refusal.STALE:
            raise target.dialect.no_token(_skew(reason, token)) from error
        case Refusal.BUSY if not this.is_over:
            this.refused += 1
            pause = BUSY_BACKOFF.delay(this.refused, target.dice())
            name = target.endpoint.name
            logger.info("%s: %s; again in %.2f s", name, reason, pause)
            return pause
        case Refusal.DENIED:
            error.add_note(_denied(target))
            raise error
        case _ if this.is_over:
            raise this.over(reason, error)
        case _:
            raise error


def _pause(this: _Login, seconds: float, why: str) -> Flow[None]:
    if seconds <= 0:
        return
    left = this.deadline.left((yield from Now()))
    if left is not None and left <= seconds:
        raise this.over(why)
    yield from Sleep(seconds)


def _token(this: _Login) -> Flow[Token]:
    left = this.deadline.left((yield from Now()))
    try:
        return (yield from obtain(this.target.source, left))
    except TimeoutError:
        raise this.over("the AWS credentials did not come in time") from None
    except TokenError as error:
        raise this.target.dialect.no_token(str(error)) from error.__cause__


def _address(target: Target) -> Flow[Address]:
    """Return where to dial: the cluster's name, and an address beside it if need be."""
    name, dialled = target.endpoint.name, target.endpoint.dialled
    if target.hostaddr or not target.endpoint.is_indirect:
        return Address(name, target.port, target.hostaddr)
    if target.dials_names or _is_address(dialled):
        return Address(name, target.port, dialled)
    found = yield from Act(partial(_look_up, dialled, target.port))
    return Address(",".join([name] * len(found)), target.port, ",".join(found))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _skew(reason: str, token: Token) -> str:
    return (
        f"the server takes a token that was signed a moment ago for out of date: "
        f"{reason}\nThe clock of this machine says {token.signed_at:.0f} seconds since "
        "1970, and is probably wrong: set it by NTP (chronyc tracking shows its error)"
    )


def _denied(target: Target) -> str:
    action = action_for(target.user)
    return (
        f"The token was signed for {action} on {target.endpoint.name} in "
        f"{target.endpoint.region}, as user {target.user}. Probably the credentials "
        f"are of another account, their policy does not allow dsql:{action}, or the "
        "database role is granted to no such IAM role (AWS IAM GRANT)."
    )

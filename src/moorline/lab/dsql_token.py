"""Verify the tokens with which clients log in to Aurora DSQL, and make such tokens.

A token is an AWS Signature Version 4 query presign of
``GET https://<endpoint>/?Action=DbConnect`` (``DbConnectAdmin`` for the user admin)
for the service ``dsql``, without the leading ``https://``; only the host is signed,
and the body is empty. This is written from AWS's description of the signature with
nothing but hashlib and hmac, so that it is an oracle independent of botocore.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moorline.lab.dsql_keys import Credentials

__all__ = [
    "DeniedError",
    "Token",
    "action_of",
    "expired",
    "parse",
    "sign",
    "verify",
]

_LONGEST = 604_800  # seconds, one week: more is refused at the connect
_ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"
_EARLY = timedelta(minutes=5)  # what AWS generally tolerates; DSQL's own is unverified
_EMPTY = hashlib.sha256(b"").hexdigest()
_SIGNATURE = "X-Amz-Signature"
_SESSION_TOKEN = "X-Amz-Security-Token"  # noqa: S105 - a parameter's name
_NEEDED = (
    "Action",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    _SIGNATURE,
)


class DeniedError(Exception):
    """A token is not accepted.

    Args:
        reason: Why, in a word or two: see `Login.reason`.
        hint: What the service says of it, if it says anything.
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token, taken to pieces; whether they are true is `verify`'s to say."""

    host: str
    action: str
    access_key: str
    day: str  # YYYYMMDD
    region: str
    service: str
    signed_at: datetime
    expires: int  # seconds after that
    session_token: str | None
    signature: str
    query: str  # canonical: what was signed

    @property
    def fingerprint(self) -> str:
        """Sixteen characters that tell one token from another and reveal neither."""
        return hashlib.sha256(f"{self.query} {self.signature}".encode()).hexdigest()[
            :16
        ]


def sign(
    credentials: Credentials, *, host: str, region: str, user: str, expires: int
) -> str:
    """Make a token from now on."""
    now = datetime.now(UTC)
    scope = f"{now:%Y%m%d}/{region}/dsql/aws4_request"
    values = {
        "Action": action_of(user),
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": _stamp(now),
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
        _SIGNATURE: "",
    }
    if credentials.session_token is not None:
        values[_SESSION_TOKEN] = credentials.session_token
    token = parse(f"{host}/?{_query(values.items())}")
    signature = _signature(token, credentials.secret_key)
    return f"{host}/?{token.query}&{_SIGNATURE}={signature}"


def parse(text: str) -> Token:
    """Take a token to pieces. Raises DeniedError, "malformed", if it is none."""
    host, mark, query = text.partition("/?")
    pairs = [_pair(part) for part in query.split("&")] if mark else []
    values = dict(pairs)
    if len(values) != len(pairs) or any(name not in values for name in _NEEDED):
        raise DeniedError("malformed")
    try:
        key, day, region, service, end = values["X-Amz-Credential"].split("/")
        signed_at = datetime.strptime(values["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
        expires = int(values["X-Amz-Expires"])
    except ValueError:
        raise DeniedError("malformed") from None
    if (
        values["X-Amz-Algorithm"] != _ALGORITHM
        or values["X-Amz-SignedHeaders"] != "host"
        or end != "aws4_request"
        or day != values["X-Amz-Date"][:8]
    ):
        raise DeniedError("malformed")
    return Token(
        host=host,
        action=values["Action"],
        access_key=key,
        day=day,
        region=region,
        service=service,
        signed_at=signed_at,
        expires=expires,
        session_token=values.get(_SESSION_TOKEN),
        signature=values[_SIGNATURE],
        query=_query(pair for pair in pairs if pair[0] != _SIGNATURE),
    )


def verify(
    token: Token,
    *,
    host: str,
    region: str,
    user: str,
    find: Callable[[str], Credentials | None],
    now: datetime,
) -> None:
    """Return if the token lets this user in at this host and time.

    ``find`` returns the credentials of an access key. Raises DeniedError with the
    first of these that is wrong: host, region, service, access key, signature,
    session token, duration, time, the credentials' own time, action, user.
    """
    if token.host.lower() != host.lower():
        raise DeniedError("host")
    if token.region != region:
        raise DeniedError("region")
    if token.service != "dsql":
        raise DeniedError("service")
    credentials = find(token.access_key)
    if credentials is None:
        raise DeniedError("access key")
    expected = _signature(token, credentials.secret_key)
    if not hmac.compare_digest(expected.encode(), token.signature.encode()):
        raise DeniedError("signature")
    if token.session_token != credentials.session_token:
        raise DeniedError("session token")
    _check_time(token, now)
    if credentials.expires is not None and now >= credentials.expires:
        # Before the token's own time is over, says AWS's page on troubleshooting.
        raise DeniedError("credentials expired")
    if token.action != action_of(user):
        said = f"user: {user}, action: {token.action}"
        raise DeniedError("action", f"Wrong user to action mapping. {said}")
    if user not in credentials.users:
        raise DeniedError("user")


def action_of(user: str) -> str:
    """Return what a token for this user must ask for."""
    return "DbConnectAdmin" if user == "admin" else "DbConnect"


def expired(token: Token, now: datetime | None = None) -> str:
    """Return the hint for a token whose time is over, or is said to be."""
    end = token.signed_at + timedelta(seconds=token.expires)
    late = end + timedelta(seconds=1) if now is None else now
    # The hints are those of AWS's signatures in general. Of DSQL's own the beginning
    # "Signature expired: " is known.
    return f"Signature expired: {_stamp(end)} is now earlier than {_stamp(late)}"


def _check_time(token: Token, now: datetime) -> None:
    if not 0 < token.expires <= _LONGEST:
        # So the tests of AWS's connectors know it.
        week = "X-Amz-Expires must be less than a week (in seconds)"
        raise DeniedError("duration", week if token.expires > 0 else "")
    if token.signed_at > now + _EARLY:
        early = f"{_stamp(token.signed_at)} is still later than {_stamp(now + _EARLY)}"
        raise DeniedError("not yet valid", f"Signature not yet current: {early}")
    if now >= token.signed_at + timedelta(seconds=token.expires):
        raise DeniedError("expired", expired(token, now))


def _signature(token: Token, secret_key: str) -> str:
    request = f"GET\n/\n{token.query}\nhost:{token.host}\n\nhost\n{_EMPTY}"
    scope = f"{token.day}/{token.region}/{token.service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{_stamp(token.signed_at)}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for word in (*scope.split("/"), to_sign):
        key = hmac.digest(key, word.encode(), "sha256")
    return key.hex()


def _query(pairs: Iterable[tuple[str, str]]) -> str:
    quoted = sorted(
        (quote(name, safe=""), quote(value, safe="")) for name, value in pairs
    )
    return "&".join(f"{name}={value}" for name, value in quoted)


def _stamp(moment: datetime) -> str:
    return moment.strftime(_STAMP)


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote(name), unquote(value)

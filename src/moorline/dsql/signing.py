"""Tokens: presigned requests, signed with the credentials that AWS's own chain finds.

A token is ``GET https://<host>/?Action=DbConnect``, presigned with Signature Version 4
for the service ``dsql``, without its scheme; see the Aurora DSQL user guide,
"Authentication and authorization". botocore finds the credentials and signs; it is
imported when the first token is needed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from moorline.core.secret import Secret
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Provider", "Signer", "Token", "action_for", "credentials_from"]


class Loader(Protocol):
    """A credential provider: the part of ``botocore.credentials`` in use."""

    def load(self) -> object:
        """Return credentials."""
        ...


Provider: TypeAlias = "Loader | Callable[[], object]"
SCHEME = "https://"
# In seconds: what two clocks may differ by, and the time that a login may take.
MARGIN = 5.0
RENEW_AT = 0.8


class Token(NamedTuple):
    """A token, and how long it is of use.

    Args:
        text: The token itself.
        signed_at: When it was signed, in seconds since 1970.
        good_until: Until when it is used: its own end or that of the credentials,
            whichever comes first, less a margin.
        renew_at: From when on the next one is to be had.
    """

    text: Secret[str]
    signed_at: float
    good_until: float
    renew_at: float


def action_for(user: str) -> str:
    """Return the IAM action that a database user needs; ``admin`` has its own."""
    return "DbConnectAdmin" if user == "admin" else "DbConnect"


class Signer(NamedTuple):
    """Signs tokens for one host and action.

    Args:
        host: What is signed for, without a port.
        region: The cluster's.
        action: See `action_for`.
        seconds: How long a token is valid.
        credentials: Gives the credentials of this moment; may block.
    """

    host: str
    region: str
    action: str
    seconds: int
    credentials: Callable[[], Any]

    def sign(self) -> Token:
        """Return a new token. May block while credentials are fetched.

        Raises:
            ConfigError: There are no credentials.
            Exception: botocore's own, if they could not be fetched.
        """
        from botocore.auth import SigV4QueryAuth  # noqa: PLC0415 - slow to import
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        credentials = self.credentials()
        left = seconds_left(credentials, self.seconds)
        frozen = getattr(credentials, "get_frozen_credentials", lambda: credentials)()
        now = time.time()
        url = f"{SCHEME}{self.host}/?Action={self.action}"
        request: Any = AWSRequest(method="GET", url=url)
        auth: Any = SigV4QueryAuth(frozen, "dsql", self.region, self.seconds)
        auth.add_auth(request)
        life = max(left - margin_of(left), 0.0)
        began = int(now)  # the date that is signed has whole seconds
        return Token(
            text=Secret(request.url.removeprefix(SCHEME)),
            signed_at=now,
            good_until=began + life,
            renew_at=began + life * RENEW_AT,
        )


def margin_of(life: float) -> float:
    """Return how long before its end a token is used no more, in seconds.

    A tenth of a life that is short, so that a token of a second is of use at all.
    """
    return min(MARGIN, life / 10)


def seconds_left(credentials: Any, most: float) -> float:  # noqa: ANN401 - botocore's
    """Return for how long credentials are valid, up to `most` seconds.

    botocore tells no end, only whether it comes within so many seconds: so it is asked
    until the answer is good to a hundredth of a second.
    """
    within: Callable[[float], bool] | None
    within = getattr(credentials, "refresh_needed", None)
    if within is None or not within(most):
        return most
    low, high = 0.0, most
    while high - low > 0.01:  # noqa: PLR2004 - said above
        middle = (low + high) / 2
        low, high = (low, middle) if within(middle) else (middle, high)
    return low


def credentials_from(
    provider: object = None, profile: str | None = None
) -> Callable[[], Any]:
    """Return a function that gives credentials, from AWS's own chain or a provider.

    Args:
        provider: A botocore ``CredentialProvider``, or any function that returns
            botocore credentials or a tuple of access key, secret key and, for
            temporary ones, session token. `None`: AWS's chain.
        profile: The profile of AWS's config files; `None`: ``AWS_PROFILE``, or the
            default one.

    The chain is walked once: credentials that end are renewed by botocore.
    """
    found: list[Any] = []

    def chain() -> Any:  # noqa: ANN401 - botocore's
        if not found:
            from botocore.session import Session  # noqa: PLC0415 - slow to import

            found.append(Session(profile=profile).get_credentials())
        if found[0] is None:
            found.clear()
            raise ConfigError(
                "there are no AWS credentials: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, name a profile, or give a credentials_provider"
            )
        return found[0]

    if provider is None:
        return chain
    load: Any = getattr(provider, "load", provider)
    if not callable(load):
        raise ConfigError(
            f"credentials_provider={provider!r}: give a function, or a provider of "
            "botocore's"
        )

    def given() -> Any:  # noqa: ANN401 - botocore's
        return _as_credentials(load())

    return given


def _as_credentials(given: Any) -> Any:  # noqa: ANN401 - botocore's
    from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415

    match given:
        case _ if hasattr(given, "access_key"):
            return given
        case (str(key), str(secret), *rest) if len(rest) <= 1:
            return ReadOnlyCredentials(key, secret, rest[0] if rest else None)
        case _:
            kind = type(given).__name__
            raise ConfigError(
                f"credentials_provider gave a {kind}: return botocore credentials, or "
                "access key, secret key and session token"
            )

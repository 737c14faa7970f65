"""Tokens for those who bring a driver of their own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from moorline.dsql.environment import environment
from moorline.dsql.resolve import source_of
from moorline.dsql.tokens import obtain
from moorline.shell import sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.dsql.signing import Provider
    from moorline.dsql.tokens import TokenSource

__all__ = ["generate_token", "generate_token_async"]

GIVEN = ("region", "cluster_id", "profile", "token_duration_secs")
MOST_SOURCES = 64

_sources: dict[object, TokenSource] = {}


def generate_token(
    host: str,
    *,
    user: str = "admin",
    region: str | None = None,
    cluster_id: str | None = None,
    profile: str | None = None,
    token_duration_secs: int = 900,
    credentials_provider: Provider | None = None,
) -> str:
    """Return a password for a login that follows at once.

    It is the token that this process keeps for such logins, so this is quick and may be
    called for each one. It may block while credentials are fetched.

    Args:
        host: The cluster's endpoint or id, or a name that leads to it.
        user: The database user; ``admin`` needs another right than all others.
        region: The cluster's, if the host does not tell it.
        cluster_id: The cluster's, the same.
        profile: The profile of AWS's config files that has the credentials.
        token_duration_secs: How long a token is valid: 1 to 604800 seconds.
        credentials_provider: A credential provider of botocore's, or a function that
            returns credentials.

    Raises:
        ConfigError: An argument is malformed or contradicts another.
        TokenError: There are no credentials.
    """
    given = (region, cluster_id, profile, token_duration_secs)
    # Another environment may mean other credentials. True is 1, but not to us.
    whose = (
        id(credentials_provider),
        type(token_duration_secs),
        hash(environment.read()),
    )
    key = (host, user, given, whose)
    source = _sources.get(key)
    if source is None:
        if len(_sources) >= MOST_SOURCES:
            _sources.clear()
        # It keeps the provider, so that the id stands for no other.
        source = _sources[key] = source_of(
            host,
            user,
            **dict(zip(GIVEN, given, strict=True)),
            credentials_provider=credentials_provider,
        )
    return sync.run(obtain(source)).text.reveal()


async def generate_token_async(
    host: str,
    *,
    user: str = "admin",
    region: str | None = None,
    cluster_id: str | None = None,
    profile: str | None = None,
    token_duration_secs: int = 900,
    credentials_provider: Provider | None = None,
) -> str:
    """Do what `generate_token` does, in a thread."""
    work: Callable[[], str] = partial(
        generate_token,
        host,
        user=user,
        region=region,
        cluster_id=cluster_id,
        profile=profile,
        token_duration_secs=token_duration_secs,
        credentials_provider=credentials_provider,
    )
    return await asyncio.to_thread(work)

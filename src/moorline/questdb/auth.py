"""How a sender logs in."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from moorline.errors import ConfigError
from moorline.questdb import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.core.options import Given
    from moorline.core.secret import Secret

__all__ = ["Auth", "Basic", "Bearer", "Key", "auth_of"]

COORDINATE = 32  # bytes of a number on the curve P-256


class Basic(NamedTuple):
    """A user and a password, for HTTP."""

    username: str
    password: Secret[str]


class Bearer(NamedTuple):
    """A token for HTTP, or the function that returns it."""

    token: Secret[str] | Callable[[], object]


class Key(NamedTuple):
    """A key for TCP: its id, and its private number on the curve P-256."""

    username: str
    token: Secret[str]


Auth: TypeAlias = "Basic | Bearer | Key"


def auth_of(given: Mapping[str, Given], *, is_http: bool) -> Auth | None:
    """Return how to log in; `None`: not at all.

    Raises:
        ConfigError: Something is missing, too much, or cannot be sent.
    """
    return _for_http(given) if is_http else _for_tcp(given)


def _for_http(given: Mapping[str, Given]) -> Basic | Bearer | None:
    username, token = options.USERNAME.of(given), options.TOKEN.of(given)
    password = options.PASSWORD.of(given)
    if token is not None:
        if username or password is not None:
            raise ConfigError("there are a token and a username or password: which?")
        if not callable(token):
            _visible(given["token"], token)
        return Bearer(token)
    if not username and password is None:
        return None
    if not username or password is None:
        missing = "password" if username else "username"
        raise ConfigError(f"{missing} is missing: HTTP needs username and password")
    if ":" in username:
        raise given["username"].error("HTTP allows no colon in it")
    return Basic(username, password)


def _visible(given: Given, token: Secret[str]) -> None:
    """Object to what cannot be in a header."""
    value = token.reveal()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise given.error("a bearer token has letters, digits and punctuation only")


def _for_tcp(given: Mapping[str, Given]) -> Key | None:
    """Read what the key of TCP is, and look whether its numbers are numbers."""
    username, token = options.USERNAME.of(given), options.TOKEN.of(given)
    names = [name for name in ("token_x", "token_y") if name in given]
    if token is None and not username and not names:
        return None
    if token is None or not username or len(names) == 1:
        raise ConfigError(
            "TCP needs username and token, and token_x and token_y both or not at all"
        )
    if callable(token):
        raise given["token"].error("for TCP it is the private key, and no function")
    for option in (options.TOKEN_X, options.TOKEN_Y):
        number = option.of(given)
        if number is not None:
            _is_coordinate(given[option.name], number)
    _is_coordinate(given["token"], token)
    return Key(username, token)


def _is_coordinate(given: Given, number: Secret[str]) -> None:
    value = number.reveal().rstrip("=")
    try:
        fits = len(urlsafe_b64decode(value + "=" * (-len(value) % 4))) == COORDINATE
    except ValueError:
        fits = False
    if not fits:
        raise given.error(f"write {COORDINATE} bytes in base64url, as in the JWK")

"""How a sender logs in."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from moorline.core.secret import Secret
from moorline.errors import ConfigError
from moorline.questdb import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.core.options import Given

__all__ = ["Auth", "Basic", "Bearer", "Key", "auth_of"]

COORDINATE = 32  # bytes of a number on the curve P-256
VISIBLE = "a bearer token has letters, digits and punctuation only"


class Basic(NamedTuple):
    """A user and a password, for HTTP."""

    username: str
    password: Secret[str]


class Bearer(NamedTuple):
    """A token for HTTP, or the function that returns it."""

    token: Secret[str] | Callable[[], object]

    def reveal(self) -> str:
        """Return the token; ask the function for it, which may block.

        Raises:
            ConfigError: The function returned what cannot be in a header.
        """
        if not callable(self.token):
            return self.token.reveal()
        said = self.token()
        value = (
            cast("Secret[object]", said).reveal() if isinstance(said, Secret) else said
        )
        if not isinstance(value, str):
            raise ConfigError(
                f"token: the function returned a value of type {type(value).__name__}: "
                "let it return the token as a str"
            )
        if not _is_visible(value):
            raise ConfigError(f"token=*** (returned by the function): {VISIBLE}")
        return value


class Key(NamedTuple):
    """A key for TCP: its id, and its numbers on the curve P-256, as in its JWK.

    Args:
        username: The id.
        token: The private number, `d`.
        token_x: `x` of the public point, if it was given.
        token_y: `y`, as well.
    """

    username: str
    token: Secret[str]
    token_x: Secret[str] | None = None
    token_y: Secret[str] | None = None


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
        if not callable(token) and not _is_visible(token.reveal()):
            raise given["token"].error(VISIBLE)
        return Bearer(token)
    if not username and password is None:
        return None
    if not username or password is None:
        missing = "password" if username else "username"
        raise ConfigError(f"{missing} is missing: HTTP needs username and password")
    if ":" in username:
        raise given["username"].error("HTTP allows no colon in it")
    return Basic(username, password)


def _is_visible(token: str) -> bool:
    """Tell whether a token can be in a header."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


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
    x, y = options.TOKEN_X.of(given), options.TOKEN_Y.of(given)
    for name, number in (("token_x", x), ("token_y", y), ("token", token)):
        if number is not None:
            _is_coordinate(given[name], number)
    return Key(username, token, x, y)


def _is_coordinate(given: Given, number: Secret[str]) -> None:
    value = number.reveal().rstrip("=")
    try:
        fits = len(urlsafe_b64decode(value + "=" * (-len(value) % 4))) == COORDINATE
    except ValueError:
        fits = False
    if not fits:
        raise given.error(f"write {COORDINATE} bytes in base64url, as in the JWK")

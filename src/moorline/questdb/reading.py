"""Turn the values of options, as text or as Python's own, into what they mean."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from moorline.core.address import Address
from moorline.core.secret import Secret
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.core.options import Given

__all__ = [
    "endpoint",
    "endpoints",
    "millis",
    "one_of",
    "or_off",
    "path",
    "secret_text",
    "size",
    "switch",
    "text",
    "token",
    "whole",
]

T = TypeVar("T")

CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
PORTS = range(1, 65536)
MOST_ENDPOINTS = 1024
LARGEST = 2**63 - 1
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SIZE = re.compile("([0-9]{1,19})([kmg]?)b?", re.ASCII)
# What comes behind the host: a port, or nothing, which stands for the usual one.
ENDPOINT = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?", re.ASCII)
NO_HOST = re.compile(r"[\s/@?#\\]")


def text(given: Given) -> str:
    """Parse a text that is not empty and has no control characters."""
    said = given.value
    if not isinstance(said, str) or not said:
        raise given.error("write a text that is not empty, or leave it out")
    if CONTROL.search(said):
        raise given.error("there is a control character in it, as a line break is")
    return said


def secret_text(given: Given) -> Secret[str]:
    """Parse a text that must not be shown."""
    said = cast("Secret[object]", given.value).reveal()
    if isinstance(said, str) and said and not CONTROL.search(said):
        return Secret(said)
    raise given.error(
        "write a text that is not empty, without control characters as line breaks "
        "are, or leave it out"
    )


def token(given: Given) -> Secret[str] | Callable[[], object]:
    """Parse a token, or take the function that returns one."""
    said = cast("Secret[object]", given.value).reveal()
    return said if callable(said) else secret_text(given)


def path(given: Given) -> str:
    """Parse a path: text, or what `pathlib` makes of it."""
    said = given.value
    return text(
        given._replace(value=str(said)) if isinstance(said, PurePath) else given
    )


def one_of(
    *texts: str, also: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Given], str]:
    """Return a parser of a few texts, and of others that stand for one of them."""

    def parse(given: Given) -> str:
        said = str(given.value)
        said = also.get(said, said)
        if said in texts:
            return said
        raise given.error(f"write {', '.join(texts[:-1])} or {texts[-1]}")

    return parse


SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def switch(given: Given) -> bool:
    """Parse ``on`` or ``off``, also as ``true``, ``false``, 1, 0 or a Python bool."""
    found = SWITCH.get(str(given.value).lower())
    if found is None:
        raise given.error("write on or off")
    return found


def whole(low: int) -> Callable[[Given], int]:
    """Return a parser of whole numbers from `low` on."""

    def parse(given: Given) -> int:
        digits = str(given.value)
        # Python refuses to convert thousands of digits.
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST)):
            number = int(digits)
            if low <= number <= LARGEST:
                return number
        raise given.error(f"write a whole number, {low} or more")

    return parse


def size(low: int) -> Callable[[Given], int]:
    """Return a parser of bytes: a whole number, and ``k``, ``m`` or ``g`` behind it."""

    def parse(given: Given) -> int:
        found = SIZE.fullmatch(str(given.value).lower())
        number = int(found[1]) * UNITS[found[2]] if found else -1
        if low <= number <= LARGEST:
            return number
        raise given.error(f"write a whole number of bytes, {low} or more")

    return parse


def millis(low: int) -> Callable[[Given], float]:
    """Return a parser of milliseconds, also as a `timedelta`."""

    def parse(given: Given) -> float:
        said = given.value
        if isinstance(said, timedelta):
            if said >= timedelta(milliseconds=low):
                return said / timedelta(milliseconds=1)
        else:
            digits = str(said)
            # Threads and sockets wait no longer than an int of C can say.
            if (
                digits.isascii()
                and digits.isdigit()
                and len(digits) < len("2147483648")
            ):
                number = int(digits)
                if number >= low:
                    return number
        raise given.error(
            f"write a whole number of milliseconds, {low} to 999999999, without a unit"
        )

    return parse


def or_off(parse: Callable[[Given], T]) -> Callable[[Given], T | None]:
    """Return a parser that takes ``off`` as well."""

    def parse_or_off(given: Given) -> T | None:
        if str(given.value).lower() in {"off", "false"}:
            return None
        try:
            return parse(given)
        except ConfigError as error:
            raise ConfigError(f"{error}, or off") from None

    return parse_or_off


def endpoints(given: Given) -> tuple[Address, ...]:
    """Parse one address, or several with commas between them.

    Where no port is given, it is 0. Of those that are there twice, one stays.
    """
    said = given.value
    if not isinstance(said, str) or "@" in said:
        # Not repeated: it may hold a password.
        raise given._replace(value="…").error(
            "write host:port; a user and a password are options of their own"
        )
    found = tuple(dict.fromkeys(endpoint(given, one) for one in said.split(",")))
    if len(found) > MOST_ENDPOINTS:
        raise given._replace(value="…").error(f"more than {MOST_ENDPOINTS} addresses")
    return found


def endpoint(given: Given, written: str) -> Address:
    """Parse ``host``, ``host:port``, ``[IPv6]:port`` or a bare IPv6 address.

    Raises:
        ConfigError: It is none of these, or the port is no port.
    """
    written = written.strip()
    if _version(written) == _IPV6:
        return Address(written, 0)
    found = ENDPOINT.fullmatch(written)
    if found is None or NO_HOST.search(written):
        raise given.error("write host, host:port or [IPv6]:port")
    bracketed, host, port = found.groups()
    if bracketed is not None and _version(bracketed) != _IPV6:
        raise given.error("what is in brackets is no IPv6 address")
    if bracketed is None and not _can_be_asked_for(host):
        raise given.error("the host is no name that can be looked up")
    if port is not None and int(port) not in PORTS:
        raise given.error("the port is not from 1 to 65535")
    return Address(bracketed or host, int(port or 0))


def _can_be_asked_for(host: str) -> bool:
    """Tell whether a name's labels have the lengths and characters that DNS has."""
    try:
        host.removesuffix(".").encode("idna")
    except UnicodeError:
        return False
    return True


_IPV6 = 6


def _version(host: str) -> int:
    """Return the version of IP that an address is of, 0 for a name."""
    try:
        return ip_address(host).version
    except ValueError:
        return 0

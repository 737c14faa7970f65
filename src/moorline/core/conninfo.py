"""Taking moorline's options out of a conninfo, and leaving the rest as it was.

libpq's parser refuses options it does not know, so they are taken out before it sees
the text. The two grammars are libpq's own, from ``conninfo_parse`` and
``conninfo_uri_parse_options`` in its ``fe-connect.c``; a property test holds them
against the real parser. Everything else, errors included, is left to libpq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.core.address import Address
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Split", "contact_points", "parse", "split"]

URI_PREFIXES = ("postgresql://", "postgres://")
# C's isspace(), which libpq uses, in the "C" locale.
SPACES = " \t\n\v\f\r"


class Split(NamedTuple):
    """A conninfo taken apart.

    Args:
        options: The options that were asked for, by name; the last value wins.
        rest: The conninfo without them, otherwise unchanged.
        names: All other option names, for hints about misspelt ones.
    """

    options: dict[str, str]
    rest: str
    names: tuple[str, ...]


class _Item(NamedTuple):
    """One ``name=value``, and where it stands in the text."""

    name: str
    value: str
    start: int
    end: int


def split(conninfo: str, is_ours: Callable[[str, str], bool]) -> Split:
    """Take the options for whose name and value `is_ours` says so out of a conninfo.

    Text that is malformed is left in the rest, for libpq to name the error.
    """
    is_uri = conninfo.startswith(URI_PREFIXES)
    items = list(_uri_items(conninfo) if is_uri else _keyword_items(conninfo))
    ours = [item for item in items if is_ours(item.name, item.value)]
    without = _without_uri_items if is_uri else _without_keyword_items
    return Split(
        options={item.name: item.value for item in ours},
        rest=without(conninfo, ours),
        names=tuple(item.name for item in items if item not in ours),
    )


def _keyword_items(text: str) -> Iterator[_Item]:
    at = _skip_spaces(text, 0)
    while at < len(text):
        start = at
        while at < len(text) and text[at] != "=" and text[at] not in SPACES:
            at += 1
        name = text[start:at]
        at = _skip_spaces(text, at)
        if at == len(text) or text[at] != "=":
            return
        at = _skip_spaces(text, at + 1)
        value, at = _keyword_value(text, at)
        if value is None:
            return
        yield _Item(name, value, start, at)
        at = _skip_spaces(text, at)


def _without_keyword_items(text: str, items: list[_Item]) -> str:
    for item in reversed(items):
        text = text[: item.start] + text[item.end :]
    return text


def _skip_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACES:
        at += 1
    return at


def _keyword_value(text: str, at: int) -> tuple[str | None, int]:
    """Read a value; `None` for a quote that is never closed."""
    quoted = text[at : at + 1] == "'"
    at += quoted
    value: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "'" and quoted:
            return "".join(value), at + 1
        if char in SPACES and not quoted:
            break
        if char == "\\":
            # A backslash takes the next character as it is; at the end it is nothing.
            at += 1
        value.append(text[at : at + 1])
        at += 1
    return (None if quoted else "".join(value)), min(at, len(text))


def _uri_items(uri: str) -> Iterator[_Item]:
    at = _query_start(uri)
    if at is None:
        return
    for part in uri[at:].split("&"):
        name, equals, value = part.partition("=")
        end = at + len(part)
        decoded = _percent_decode(name), _percent_decode(value)
        if equals and "=" not in value and None not in decoded:
            yield _Item(decoded[0] or "", decoded[1] or "", at, end)
        at = end + 1


def _query_start(uri: str) -> int | None:
    """Find where the parameters begin, as libpq does: behind the user's "@"."""
    start = uri.index("://") + 3
    at = start
    while at < len(uri) and uri[at] not in "@/":
        at += 1
    query = uri.find("?", at if uri[at : at + 1] == "@" else start)
    return None if query < 0 else query + 1


def _percent_decode(text: str) -> str | None:
    """Decode ``%XX``; `None` for what libpq refuses: bad digits, ``%00``, spaces."""
    # Spaces around are dropped since libpq 17; spaces within are an error there.
    head, *tokens = text.lstrip(" ").rstrip(SPACES).split("%")
    if any(space in text.strip(SPACES) for space in SPACES):
        return None
    try:
        decoded = bytearray(head.encode())
        for token in tokens:
            digits = token[:2]
            if len(digits) < len("XX") or digits == "00" or set(digits) - HEX_DIGITS:
                return None
            decoded += bytes.fromhex(digits) + token[2:].encode()
        return decoded.decode()
    except UnicodeError:
        return None


HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def _without_uri_items(uri: str, items: list[_Item]) -> str:
    """Cut parameters out, each with one of the separators around it."""
    for item in reversed(items):
        before, after = uri[: item.start], uri[item.end :]
        uri = before + after.removeprefix("&") if after else before[:-1]
    return uri


def contact_points(params: Mapping[str, str], default_port: int) -> tuple[Address, ...]:
    """Return the servers that libpq would try, in its order.

    Args:
        params: ``host``, ``hostaddr`` and ``port`` after libpq's own defaults.
        default_port: For the empty elements of the list of ports.

    Raises:
        ConfigError: The lists do not match each other, or a port is no number.
    """
    lists = {key: params.get(key, "").split(",") for key in ("host", "hostaddr")}
    ports = [
        _port(text or str(default_port)) for text in params.get("port", "").split(",")
    ]
    count = max(map(len, lists.values()))
    for key, values in lists.items():
        if values == [""]:
            lists[key] = values * count
    if len(ports) == 1:
        ports *= count
    if not len(lists["host"]) == len(lists["hostaddr"]) == len(ports):
        what = " ".join(f"{k}={params[k]}" for k in (*lists, "port") if params.get(k))
        message = f"{what}: give one port, or as many as there are hosts"
        raise ConfigError(message)
    return tuple(map(Address, lists["host"], ports, lists["hostaddr"]))


def _port(text: str) -> int:
    digits = text.strip()
    # Python refuses to convert thousands of digits.
    if not digits.isdecimal() or len(digits) > len("0000065535"):
        message = f"port={text!r} is no number"
        raise ConfigError(message)
    return int(digits)


def parse(conninfo: str) -> dict[str, str]:
    """Return all parameters that a conninfo says, as libpq reads them.

    Raises:
        ConfigError: It is malformed. The text is not repeated: it may hold a password.
    """
    if conninfo.startswith(URI_PREFIXES):
        return _authority(conninfo) | _all(conninfo, _uri_items, _uri_left)
    return _all(conninfo, _keyword_items, _keyword_left)


def _all(
    text: str,
    items: Callable[[str], Iterator[_Item]],
    left: Callable[[str, list[_Item]], str],
) -> dict[str, str]:
    found = list(items(text))
    if left(text, found):
        names = ", ".join(item.name for item in found) or "nothing"
        raise ConfigError(
            f"the conninfo is malformed: of its parameters, {names} can be read. Write "
            "name=value, with ' around values that hold spaces; in a URI, what is "
            "special there as %XX, such as %3D for ="
        )
    return {item.name: item.value for item in found}


def _keyword_left(text: str, items: list[_Item]) -> str:
    return _without_keyword_items(text, items).strip(SPACES)


def _uri_left(uri: str, items: list[_Item]) -> str:
    at = _query_start(uri)
    return "" if at is None else _without_uri_items(uri, items)[at:]


def _authority(uri: str) -> dict[str, str]:
    """Return what stands before the parameters: user, password, hosts, ports, name."""
    at = _query_start(uri)
    text = uri[: None if at is None else at - 1].partition("://")[2]
    user, found, rest = text.partition("@")
    if not found or "/" in user:
        user, rest = "", text
    name, _, password = user.partition(":")
    hosts, _, database = rest.partition("/")
    pairs = [_host_and_port(spec) for spec in hosts.split(",")]
    said = {
        "user": name,
        "password": password,
        "host": ",".join(host for host, _ in pairs),
        "port": ",".join(port for _, port in pairs),
        "dbname": database,
    }
    decoded = {key: _percent_decode(value) for key, value in said.items() if value}
    for key, value in decoded.items():
        if value is None:
            raise ConfigError(
                f"the {key} in the URI has a % that is no %XX, or a space"
            )
    return {key: value for key, value in decoded.items() if value is not None}


def _host_and_port(spec: str) -> tuple[str, str]:
    if spec.startswith("["):
        host, found, port = spec[1:].partition("]")
        if not found or (port and not port.startswith(":")):
            raise ConfigError("an IPv6 address in the URI must stand in [ and ]")
        return host, port[1:]
    host, _, port = spec.partition(":")
    return host, port

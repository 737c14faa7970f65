"""What the options of a sender decide, together."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from moorline.core.options import nearest
from moorline.errors import ConfigError
from moorline.questdb import confstr, options
from moorline.questdb.auth import auth_of
from moorline.questdb.portable import NOT_SPOKEN, UDP_ONLY, has_no_effect
from moorline.questdb.trust import tls_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorline.core.address import Address
    from moorline.core.options import Given, Value
    from moorline.questdb.auth import Auth
    from moorline.questdb.trust import Tls

__all__ = [
    "AutoFlush",
    "Settings",
    "settings_from_conf",
    "settings_from_env",
    "settings_of",
]

logger = logging.getLogger(__name__)

VARIABLE = "QDB_CLIENT_CONF"
PORTS = {"http": 9000, "https": 9000, "tcp": 9009, "tcps": 9009}
ROWS = {"http": 75_000, "https": 75_000, "tcp": 600, "tcps": 600}
WITH_TLS = {"http": "https", "tcp": "tcps"}


class AutoFlush(NamedTuple):
    """When rows are sent without being told to; `None`: not for that.

    Args:
        rows: After so many rows.
        seconds: After so many seconds.
        bytes: After so many bytes.
    """

    rows: int | None
    seconds: float | None
    bytes: int | None


class Settings(NamedTuple):
    """What the options of one sender decide. Times are in seconds, sizes in bytes.

    Args:
        protocol: ``http``, ``https``, ``tcp`` or ``tcps``.
        addresses: Where the server is, in the order in which to try.
        auth: How to log in; `None`: not at all.
        tls: How the server is verified; `None` without TLS.
        auto_flush: When rows are sent without being told to.
        init_buf_size: What the buffer has room for at first.
        max_buf_size: What it may grow to.
        max_name_len: How long the name of a table or column may be.
        protocol_version: The version of ILP; `None`: ask the server, or 1 for TCP.
        request_timeout: What one request may take.
        request_min_throughput: Bytes a second that allow it more; 0: none.
        retry_timeout: For how long a failed request is tried again.
        retry_max_backoff: Between two tries at most.
        auth_timeout: What TLS and logging in may take, for TCP.
        bind_interface: The local address to connect from; "": any.
        gzip: Whether to compress requests.
        strict: Whether to refuse values that the server would change silently.
        spool_dir: The folder for what is not acknowledged yet; "": none.
        ignored: Keys that were given and have no effect here.
    """

    protocol: str
    addresses: tuple[Address, ...]
    auth: Auth | None
    tls: Tls | None
    auto_flush: AutoFlush
    init_buf_size: int
    max_buf_size: int
    max_name_len: int
    protocol_version: int | None
    request_timeout: float
    request_min_throughput: int
    retry_timeout: float
    retry_max_backoff: float
    auth_timeout: float
    bind_interface: str
    gzip: bool
    strict: bool
    spool_dir: str
    ignored: tuple[str, ...]


def settings_from_conf(text: str, **overrides: Value) -> Settings:
    """Read a configuration string.

    Args:
        text: ``protocol::key=value;key=value;``.
        overrides: Options by name, which count more than those in the string.

    Raises:
        ConfigError: It is malformed, or an option in it is; what is missing, unknown,
            or contradicts something else, as well.
    """
    return _from_conf(text, "configuration string", overrides)


def settings_from_env(**overrides: Value) -> Settings:
    """Read the configuration string in the variable ``QDB_CLIENT_CONF``.

    Raises:
        ConfigError: The variable is not set, or what is in it is wrong.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        raise ConfigError(
            f"the environment variable {VARIABLE} is not set: set it to a "
            "configuration string as http::addr=localhost:9000;"
        )
    return _from_conf(text, VARIABLE, overrides)


def _from_conf(text: str, where: str, overrides: Mapping[str, Value]) -> Settings:
    try:
        protocol, pairs = confstr.parse(text, options.SPELLINGS)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    _know(pairs, where)
    values: dict[str, Value] = dict(pairs)
    addresses = [value for key, value in pairs if key == confstr.REPEATABLE]
    if addresses:
        values[confstr.REPEATABLE] = ",".join(addresses)
    return settings_of(protocol, overrides, (where, values))


def settings_of(
    protocol: str, given: Mapping[str, Value], *others: tuple[str, Mapping[str, Value]]
) -> Settings:
    """Read options that were given as arguments, and from elsewhere.

    Args:
        protocol: ``http``, ``https``, ``tcp`` or ``tcps``, in any case.
        given: The arguments, by the options' names.
        others: Weaker sources: what they are, and what they say.

    Raises:
        ConfigError: As for `settings_from_conf`.
    """
    protocol = _protocol(protocol)
    given = {name: value for name, value in given.items() if value is not None}
    _know(given.items(), "argument")
    sources = [("argument", given), *others]
    allow = options.ALLOW_INSECURE_TLS
    if allowed := os.environ.get(allow.env):
        sources.append((f"environment {allow.env}", {allow.name: allowed}))
    ignored = [name for _, said in sources for name in said if has_no_effect(name)]
    settings = _decide(protocol, options.TABLE.collect(sources), ignored)
    if settings.ignored:
        logger.info("options without effect here: %s", ", ".join(settings.ignored))
    return settings


def _protocol(written: str) -> str:
    protocol = str(written).lower()
    if protocol in PORTS:
        return protocol
    if protocol in NOT_SPOKEN:
        raise ConfigError(
            f"{protocol} is {NOT_SPOKEN[protocol]}, which moorline does not speak: "
            "write http or https"
        )
    raise ConfigError("the protocol is unknown: write http, https, tcp or tcps")


def _know(pairs: Iterable[tuple[str, Value]], where: str) -> None:
    """Object to keys that no client knows, and to those of UDP."""
    before = ""
    for key, _ in pairs:
        if key in UDP_ONLY:
            raise ConfigError(f"{key} ({where}) is for udp, which moorline lacks")
        if key not in options.SPELLINGS and not has_no_effect(key):
            raise ConfigError(_unknown(key, before, where))
        before = key


def _unknown(key: str, before: str, where: str) -> str:
    near = nearest(key, options.SPELLINGS)
    if near is not None:
        return f"{key} ({where}) is unknown: did you mean {near}?"
    if before in options.SECRETS:
        # It may be the rest of a password.
        return (
            f"the key behind {before} ({where}) is unknown: if a semicolon belongs to "
            f"the {before}, write ;; for it"
        )
    return f"{key} ({where}) is unknown: it is no option of QuestDB's or moorline's"


def _decide(protocol: str, given: Mapping[str, Given], ignored: list[str]) -> Settings:
    _fit(protocol, given)
    if options.TLS_ROOTS_PASSWORD.name in given:
        ignored = [*ignored, options.TLS_ROOTS_PASSWORD.name]
    init, most = options.INIT_BUF_SIZE.of(given), options.MAX_BUF_SIZE.of(given)
    if init > most:
        raise ConfigError(
            f"init_buf_size is {init}, more than max_buf_size, which is {most}"
        )
    version = options.PROTOCOL_VERSION.of(given)
    return Settings(
        protocol=protocol,
        addresses=_addresses(protocol, given),
        auth=auth_of(given, is_http=protocol not in {"tcp", "tcps"}),
        tls=tls_of(given) if protocol in WITH_TLS.values() else None,
        auto_flush=_auto_flush(protocol, given),
        init_buf_size=init,
        max_buf_size=most,
        max_name_len=options.MAX_NAME_LEN.of(given),
        protocol_version=None if version == "auto" else int(version),
        request_timeout=options.REQUEST_TIMEOUT.of(given) / 1000,
        request_min_throughput=options.REQUEST_MIN_THROUGHPUT.of(given),
        retry_timeout=options.RETRY_TIMEOUT.of(given) / 1000,
        retry_max_backoff=options.RETRY_MAX_BACKOFF.of(given) / 1000,
        auth_timeout=options.AUTH_TIMEOUT.of(given) / 1000,
        bind_interface=options.BIND_INTERFACE.of(given),
        gzip=options.GZIP.of(given),
        strict=options.STRICT.of(given),
        spool_dir=options.SPOOL_DIR.of(given),
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _fit(protocol: str, given: Mapping[str, Given]) -> None:
    """Object to options that do not belong to the protocol."""
    is_http = protocol in {"http", "https"}
    for name, one in given.items():
        if name in options.TLS_ONLY and protocol in WITH_TLS:
            other = WITH_TLS[protocol]
            raise one.error(f"there is no TLS with {protocol}; write {other} instead")
        if name in options.HTTP_ONLY and not is_http:
            raise one.error(f"it is for http and https, and this is {protocol}")
        if name in options.TCP_ONLY and is_http:
            raise one.error(f"it is for tcp and tcps, and this is {protocol}")


def _addresses(protocol: str, given: Mapping[str, Given]) -> tuple[Address, ...]:
    found = options.ADDR.of(given)
    if not found:
        raise ConfigError(
            f"addr is missing: write {protocol}::addr=localhost:{PORTS[protocol]};"
        )
    if len(found) > 1 and protocol in {"tcp", "tcps"}:
        raise given["addr"].error(f"{protocol} takes one address; http takes several")
    port = PORTS[protocol]
    return tuple(one if one.port else one._replace(port=port) for one in found)


def _auto_flush(protocol: str, given: Mapping[str, Given]) -> AutoFlush:
    if options.AUTO_FLUSH.of(given):
        rows = options.AUTO_FLUSH_ROWS
        interval = options.AUTO_FLUSH_INTERVAL.of(given)
        return AutoFlush(
            rows.of(given) if rows.name in given else ROWS[protocol],
            None if interval is None else interval / 1000,
            options.AUTO_FLUSH_BYTES.of(given),
        )
    for option in (
        options.AUTO_FLUSH_ROWS,
        options.AUTO_FLUSH_INTERVAL,
        options.AUTO_FLUSH_BYTES,
    ):
        if option.of(given) is not None and option.name in given:
            raise given[option.name].error("auto_flush is off; leave one of them out")
    return AutoFlush(None, None, None)

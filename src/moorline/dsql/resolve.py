"""From what the user wrote to a cluster, a way to log in, and the driver's arguments.

Options come as keyword arguments or in the conninfo, the first winning, and both mean
the same. Nothing here connects; files are read, and AWS's config if it has to tell the
region, so a loop has it done in a thread.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from moorline import __version__
from moorline.core.conninfo import URI_PREFIXES, split
from moorline.core.options import nearest
from moorline.dsql import options
from moorline.dsql.endpoint import endpoint_of, region_in
from moorline.dsql.environment import default_region, environment
from moorline.dsql.login import Target
from moorline.dsql.options import TABLE
from moorline.dsql.registry import TokenKey, source_for, turn
from moorline.dsql.roots import roots_file
from moorline.dsql.signing import Signer, action_for, credentials_from
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from moorline.core.options import Given
    from moorline.core.request import Dialect
    from moorline.dsql.endpoint import Endpoint
    from moorline.dsql.tokens import TokenSource

__all__ = ["Kind", "Plan", "Wanted", "known", "resolve", "source_of"]

logger = logging.getLogger(__name__)

Arguments: TypeAlias = Mapping[str, Any]

DEFAULT_PORT = 5432
DEFAULT_TIMEOUT = 30.0  # an idle cluster wakes up in less
LONGEST_TIMEOUT = 1e9  # what every clock and lock can wait for
LONGEST_NAME = 63  # bytes that PostgreSQL keeps of an application_name
MOST_PLANS = 256
STRICT = "verify-full"
MODES = ("disable", "allow", "prefer", "require", "verify-ca", STRICT)


class Wanted(NamedTuple):
    """What a login says, in libpq's terms, checked.

    Args:
        user: The database user.
        dbname: The database.
        application_name: What the server shows for the connection.
        options: Options for the server, or "".
        sslmode: ``verify-full``, unless something less is allowed.
        sslrootcert: The file of trusted authorities; "" if none is verified.
        rest: All other parameters.
    """

    user: str
    dbname: str
    application_name: str
    options: str
    sslmode: str
    sslrootcert: str
    rest: Mapping[str, str]


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """What resolving needs to know of a driver.

    Args:
        dialect: Its errors.
        read: Gives the parameters that a conninfo says, by libpq's names.
        names: Gives the names of the parameters that the driver takes.
        finish: Turns what is wanted into the driver's keyword arguments.
        dials_names: See `Target`.
    """

    dialect: Dialect
    read: Callable[[str], Mapping[str, str]]
    names: Callable[[], frozenset[str]]
    finish: Callable[[Wanted], dict[str, Any]]
    dials_names: bool


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """Where a login goes, and what the driver is given besides."""

    target: Target
    arguments: Arguments


class _Same:
    """A key that is equal for the same object only, whether it has a hash or not."""

    __slots__ = ("_one",)

    def __init__(self, one: object) -> None:
        self._one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._one is self._one

    def __hash__(self) -> int:
        return id(self._one)


_plans: dict[object, Plan] = {}
_credentials: dict[Hashable, Callable[[], object]] = {}


def known(conninfo: str, arguments: Arguments, kind: Kind) -> Plan | None:
    """Return the plan that was made before for the same, if it still holds."""
    try:
        return _plans.get(_key(conninfo, arguments, kind))
    except TypeError:  # a provider may be an object without a hash
        return None


def _key(conninfo: str, arguments: Arguments, kind: Kind) -> Hashable:
    kinds = tuple(map(type, arguments.values()))  # True is 1, but not to us
    given = tuple(arguments.items())
    return conninfo, given, kinds, kind, hash(environment.read())  # it has secrets


def resolve(conninfo: str, arguments: Arguments, kind: Kind) -> Plan:
    """Read what the user wrote; may block.

    Args:
        conninfo: A URI, a keyword conninfo, or a host alone.
        arguments: By keyword, in libpq's names, moorline's options among them. `None`
            counts as not given.
        kind: What the driver is like.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; of the
            class that the driver's users expect.
    """
    plan = known(conninfo, arguments, kind)
    if plan is not None:
        return plan
    key = _key(conninfo, arguments, kind)
    try:
        plan = _resolve(conninfo, arguments, kind)
    except ConfigError as error:
        raise kind.dialect.config_error(str(error)) from None
    if len(_plans) >= MOST_PLANS:
        _plans.clear()
    try:
        _plans[key] = plan
    except TypeError:
        logger.debug("no plan is kept: an argument has no hash")
    return plan


def _resolve(conninfo: str, arguments: Arguments, kind: Kind) -> Plan:
    given = {name: value for name, value in arguments.items() if value is not None}
    conninfo, host = _host_alone(conninfo)
    taken = split(conninfo, TABLE.holds)
    ours = {name: value for name, value in given.items() if TABLE.holds(name, value)}
    said = TABLE.collect((("keyword argument", ours), ("conninfo", taken.options)))
    for name in (*taken.names, *arguments):
        if not TABLE.holds(name, arguments.get(name)):
            _refuse_unknown(name, kind)
    theirs = {n: _text(value) for n, value in given.items() if n not in ours}
    params = {**host, **kind.read(taken.rest), **theirs}
    if params.pop("password", ""):
        raise ConfigError(
            "password: leave it out; a token takes its place, from AWS credentials"
        )
    return _plan(params, said, kind)


def _plan(params: dict[str, str], said: Mapping[str, Given], kind: Kind) -> Plan:
    endpoint = _endpoint(params.pop("host", ""), said)
    user = params.pop("user", "") or "admin"
    target = Target(
        endpoint=endpoint,
        port=_port(params.pop("port", "")),
        hostaddr=params.pop("hostaddr", ""),
        user=user,
        timeout=_timeout(params.pop("connect_timeout", ""), kind.dialect.timeout),
        source=_source(endpoint, user, said),
        turn=partial(turn, endpoint.name),
        dice=random.random,
        dialect=kind.dialect,
        dials_names=kind.dials_names,
    )
    sslmode, roots = _tls(params, allowed=options.ALLOW_INSECURE_TLS.of(said))
    wanted = Wanted(
        user=user,
        dbname=params.pop("dbname", "") or "postgres",
        application_name=_application_name(params.pop("application_name", ""), said),
        options=f"{params.pop('options', '')} {endpoint.startup_options}".strip(),
        sslmode=sslmode,
        sslrootcert=roots,
        rest=params,
    )
    return Plan(target, kind.finish(wanted))


def source_of(host: str, user: str, **given: object) -> TokenSource:
    """Return the source of tokens for a host and user; may block.

    Args:
        host: As for `resolve`.
        user: The database user.
        given: Options of moorline's; `None` counts as not given.

    Raises:
        ConfigError: As for `resolve`.
    """
    for name, value in given.items():
        assert TABLE.holds(name, None), value  # noqa: S101 - callers name them
    values: dict[str, Any] = given
    said = TABLE.collect((("argument", values),))
    return _source(_endpoint(host, said), user, said)


def _host_alone(conninfo: str) -> tuple[str, dict[str, str]]:
    """Tell a host that stands alone from a conninfo."""
    if conninfo.startswith(URI_PREFIXES):
        return conninfo, {}
    scheme = re.match(r"\s*([a-z][a-z0-9+.-]*)://", conninfo, re.IGNORECASE)
    if scheme:
        raise ConfigError(f"{scheme[1]}:// is not known: write postgresql://")
    if "=" in conninfo or not conninfo.strip():
        return conninfo, {}
    return "", {"host": conninfo}


def _endpoint(host: str, said: Mapping[str, Given]) -> Endpoint:
    if "," in host:
        raise ConfigError(f"host={host!r}: give one cluster")
    region = options.REGION.of(said)
    if not region and not region_in(host):
        region = default_region(options.PROFILE.of(said) or None)
    cluster_id = options.CLUSTER_ID.of(said)
    return endpoint_of(host, region=region, cluster_id=cluster_id)


def _source(endpoint: Endpoint, user: str, said: Mapping[str, Given]) -> TokenSource:
    provider = options.CREDENTIALS_PROVIDER.of(said)
    profile = options.PROFILE.of(said) or None
    if provider is not None and profile is not None:
        raise ConfigError("give profile or credentials_provider, not both")
    identity: Hashable = (profile, hash(environment.read()))  # it has secrets
    if provider is not None:
        identity = _Same(provider)
    if identity not in _credentials:
        if len(_credentials) >= MOST_PLANS:
            del _credentials[next(iter(_credentials))]
        _credentials[identity] = credentials_from(provider, profile)
    action, seconds = action_for(user), options.TOKEN_DURATION.of(said)
    key = TokenKey(endpoint.name, endpoint.region, action, seconds, identity)
    signer = Signer(
        endpoint.name, endpoint.region, action, seconds, _credentials[identity]
    )
    return source_for(key, signer.sign)


def _refuse_unknown(name: str, kind: Kind) -> None:
    names = kind.names()
    if name in names:
        return
    near = nearest(name, (*TABLE.names, *names))
    known_names = ", ".join(sorted(TABLE.names))
    cure = f"did you mean {near}?" if near else f"moorline's options are {known_names}"
    raise ConfigError(f"unknown option {name}: {cure}")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _port(text: str) -> int:
    digits = text.strip() or str(DEFAULT_PORT)
    # Python refuses to convert thousands of digits.
    if digits.isascii() and digits.isdigit() and len(digits) <= len("65535"):
        port = int(digits)
        if 1 <= port <= 65_535:  # noqa: PLR2004 - what TCP has
            return port
    raise ConfigError(f"port={text!r}: write a number from 1 to 65535")


def _timeout(text: str, name: str) -> float | None:
    if not text:
        return DEFAULT_TIMEOUT
    try:
        timeout = float(text)
    except ValueError:
        timeout = float("nan")
    if not abs(timeout) < float("inf"):
        message = f"{name}={text!r}: write a number of seconds, 0 for no limit"
        raise ConfigError(message)
    return min(timeout, LONGEST_TIMEOUT) if timeout > 0 else None


def _tls(params: dict[str, str], *, allowed: bool) -> tuple[str, str]:
    """Return the mode of TLS, and the file of authorities for it."""
    mode = params.pop("sslmode", "") or STRICT
    roots = params.pop("sslrootcert", "")
    if mode not in MODES:
        raise ConfigError(f"sslmode={mode!r}: write one of {', '.join(MODES)}")
    if mode == STRICT:
        return mode, roots_file(roots)
    if not allowed:
        raise ConfigError(
            f"sslmode={mode} would give the token to whoever answers: leave it out, or "
            "say allow_insecure_tls=true as well"
        )
    logger.warning("sslmode=%s: the token goes to whoever answers", mode)
    return mode, roots_file(roots) if mode == "verify-ca" else ""


def _application_name(given: str, said: Mapping[str, Given]) -> str:
    prefix = options.ORM_PREFIX.of(said)
    if prefix and given.strip():
        raise ConfigError(
            "orm_prefix and application_name are the same: leave one of them out"
        )
    prefix, ours = prefix or given.strip(), f"moorline-dsql/{__version__}"
    if not prefix:
        return ours
    room = LONGEST_NAME - len(f":{ours}")
    return f"{prefix.encode()[:room].decode(errors='ignore')}:{ours}"

"""From what the user wrote to a cluster and a request.

Options come as keyword arguments, in the conninfo, or from the environment, the first
one winning, and all three mean the same. Everything that is not moorline's goes on to
the driver as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite, nan
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from moorline.core.conninfo import URI_PREFIXES, contact_points, split
from moorline.core.options import nearest
from moorline.core.request import Request
from moorline.errors import ConfigError
from moorline.yugabyte.discovery import YB_SERVERS
from moorline.yugabyte.environment import ENVIRONMENT, variables
from moorline.yugabyte.options import TABLE, settings_of
from moorline.yugabyte.registry import state_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from moorline.core.address import Address
    from moorline.core.request import Dialect
    from moorline.core.state import ClusterState
    from moorline.yugabyte.environment import Pairs

__all__ = ["Plan", "misspelt", "resolve"]

T = TypeVar("T")

Given: TypeAlias = "tuple[tuple[str, str | Callable[..., object]], ...]"

DEFAULT_TIMEOUT = 10.0
LONGEST_TIMEOUT = 1e9  # what every clock and lock can wait for
DEFAULT_PORT = 5432  # libpq's own
AS_GIVEN = (None,)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a connect goes.

    Args:
        conninfo: What is left for the driver.
        ours: The keyword arguments that are moorline's.
        cluster: The cluster to balance over, and how; `None` if balancing is off.
    """

    conninfo: str = field(repr=False)
    ours: frozenset[str]
    cluster: tuple[ClusterState, Request] | None

    def drivers(self, arguments: Mapping[str, T]) -> dict[str, T]:
        """Return the keyword arguments that are the driver's."""
        return {name: arguments[name] for name in arguments if name not in self.ours}


def resolve(
    conninfo: str,
    arguments: Mapping[str, object],
    dialect: Dialect,
    otherwise: Pairs = (),
) -> Plan | None:
    """Read moorline's options; `None` if there are none at all.

    Args:
        conninfo: As the user wrote it.
        arguments: By keyword, the driver's parameters among them.
        dialect: The driver's.
        otherwise: Options that hold if nobody says anything else.

    Plans are kept, since most programs connect in a few ways many times. They depend
    on the environment as it is now, so that a change of it is seen.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; of the
            class that the driver's users expect.
    """
    ours, drivers = variables.read()
    environment = ours, drivers, variables.unknown
    if not (ours or otherwise or _mentions(conninfo)) and not any(
        map(TABLE.may_be_in, arguments)
    ):
        return None
    try:
        given = _written(arguments)
        try:
            return _resolve(conninfo, given, environment, dialect, otherwise)
        except TypeError:
            if all(type(value).__hash__ for _, value in given):
                raise
            # A function may be an object without a hash: no such plan is kept.
            make = _resolve.__wrapped__
            return make(conninfo, given, environment, dialect, otherwise)
    except ConfigError as error:
        raise dialect.config_error(str(error)) from None


@lru_cache(maxsize=256)
def _mentions(conninfo: str) -> bool:
    """Tell whether a conninfo may hold options of ours, without parsing it."""
    return TABLE.may_be_in(conninfo) or (
        "%" in conninfo and conninfo.startswith(URI_PREFIXES)
    )


def _written(arguments: Mapping[str, object]) -> Given:
    """Return arguments as they would stand in a conninfo; functions as they are."""
    if not arguments:
        return ()
    return tuple(
        [
            (name, value if callable(value) else _text(value))
            for name, value in arguments.items()
            if value is not None
        ]
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=256)
def _resolve(
    conninfo: str,
    arguments: Given,
    environment: tuple[Pairs, Pairs, str],
    dialect: Dialect,
    otherwise: Pairs,
) -> Plan | None:
    # The driver's variables are there because its defaults depend on them.
    env, _, unknown = environment
    taken = split(conninfo, TABLE.holds)
    ours = {name: value for name, value in arguments if TABLE.holds(name, value)}
    if not (taken.options or ours or env or otherwise):
        return None
    settings = settings_of(
        (
            ("keyword argument", ours),
            ("conninfo", taken.options),
            *((f"environment {name}", {ENVIRONMENT[name]: v}) for name, v in env),
            ("default", dict(otherwise)),
        )
    )
    if settings is None:
        return Plan(taken.rest, frozenset(ours), None)
    if unknown:
        raise ConfigError(unknown)
    given = {name: str(value) for name, value in arguments if name not in ours}
    for name in taken.names:
        _refuse_unknown(name, dialect, lenient=dialect.passes_settings)
    for name in given:
        _refuse_unknown(name, dialect)
    said = dialect.read(taken.rest, given)
    params = {**dialect.defaults(), **said}
    if "host" in said:
        # An address or a service from the environment does not come before it.
        params = {**params, "hostaddr": said.get("hostaddr", "")}
    contacts = _contacts(said, params)
    request = Request(
        tiers=settings.tiers,
        timeout=_timeout(params, dialect.timeout),
        interval=settings.interval,
        pause=settings.pause,
        options=settings.text,
        source=YB_SERVERS,
        dialect=dialect,
        contacts=contacts,
        address_map=settings.address_map,
    )
    key = contacts if contacts != AS_GIVEN else ("service", said["service"])
    return Plan(taken.rest, frozenset(ours), (state_for(key, contacts), request))


def _contacts(
    said: Mapping[str, str], params: Mapping[str, str]
) -> tuple[Address | None, ...]:
    """Return the contact points that were said, or that the driver takes otherwise."""
    if said.get("service") and "host" not in said and "hostaddr" not in said:
        # Only the driver reads service files, and it does so when it connects.
        return AS_GIVEN
    return contact_points(params, DEFAULT_PORT)


def _timeout(params: Mapping[str, str], name: str) -> float | None:
    text = params.get(name)
    if text is None:
        return DEFAULT_TIMEOUT
    try:
        timeout = float(text)
    except ValueError:
        timeout = nan
    if not isfinite(timeout):
        message = f"{name}={text!r}: write a number of seconds, 0 for no limit"
        raise ConfigError(message)
    return min(timeout, LONGEST_TIMEOUT) if timeout > 0 else None


def misspelt(conninfo: str, arguments: Iterable[str]) -> str:
    """Say which of moorline's options a name was meant to be; "" if none was."""
    for name in (*split(conninfo, TABLE.holds).names, *arguments):
        near = nearest(name, TABLE.names)
        if near:
            return f"unknown option {name}: did you mean {near}?"
    return ""


def _refuse_unknown(name: str, dialect: Dialect, *, lenient: bool = False) -> None:
    keywords = dialect.keywords()
    if name in keywords:
        return
    near = nearest(name, TABLE.names)
    if lenient and not near:
        return
    near = near or nearest(name, keywords)
    options = ", ".join(sorted(TABLE.names))
    cure = f"did you mean {near}?" if near else f"moorline's options are {options}"
    message = f"unknown option {name}: {cure}"
    raise ConfigError(message)

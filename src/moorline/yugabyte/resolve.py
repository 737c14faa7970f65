"""From what the user wrote to a cluster and a request.

Options come as keyword arguments, in the conninfo, or from the environment, the first
one winning, and all three mean the same. Everything that is not moorline's goes on to
the driver as it came.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from moorline.core.conninfo import URI_PREFIXES, contact_points, split
from moorline.core.options import nearest
from moorline.core.request import Request
from moorline.errors import ConfigError
from moorline.yugabyte.discovery import YB_SERVERS
from moorline.yugabyte.options import NAMES, TABLE, settings_of
from moorline.yugabyte.registry import state_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorline.core.request import Dialect
    from moorline.core.state import ClusterState

__all__ = ["Plan", "misspelt", "resolve"]

PREFIX = "MOORLINE_YB_"
ENVIRONMENT = {option.env: option.name for option in TABLE}
# Parameters that say which cluster is meant and how long a connect may take.
TARGET = ("host", "hostaddr", "port", "service", "connect_timeout")
TARGET_ENVIRONMENT = tuple(f"PG{name.upper()}" for name in TARGET)
DEFAULT_TIMEOUT = 10.0
DEFAULT_PORT = 5432  # libpq's own


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a connect goes.

    Args:
        conninfo: What is left for the driver.
        cluster: The cluster to balance over, and how; `None` if balancing is off.
    """

    conninfo: str = field(repr=False)
    cluster: tuple[ClusterState, Request] | None


Pairs = tuple[tuple[str, str], ...]


class _Asked(NamedTuple):
    """All that a plan depends on, so that it is made once and kept."""

    conninfo: str
    ours: Pairs
    target: Pairs
    names: tuple[str, ...]
    environment: Pairs
    target_environment: Pairs


def resolve(
    conninfo: str, arguments: Mapping[str, object], dialect: Dialect
) -> Plan | None:
    """Read moorline's options; `None` if there are none at all.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; of the
            class that the driver's users expect.
    """
    environment = _environment(ENVIRONMENT)
    if not environment and NAMES.isdisjoint(arguments) and not _mentions(conninfo):
        return None
    asked = _Asked(
        conninfo,
        ours=_pairs(arguments, NAMES),
        target=_pairs(arguments, TARGET),
        names=tuple(arguments),
        environment=environment,
        target_environment=_environment(TARGET_ENVIRONMENT),
    )
    try:
        return _resolve(asked, dialect)
    except ConfigError as error:
        raise dialect.config_error(str(error)) from None


def _mentions(conninfo: str) -> bool:
    """Tell whether a conninfo may hold options of ours, without parsing it."""
    if any(name in conninfo for name in NAMES):
        return True
    return "%" in conninfo and conninfo.startswith(URI_PREFIXES)


def _environment(names: Iterable[str]) -> Pairs:
    # A variable that is set to nothing counts as not set.
    return tuple((name, value) for name in names if (value := os.environ.get(name)))


def _pairs(arguments: Mapping[str, object], names: Iterable[str]) -> Pairs:
    values = ((name, arguments.get(name)) for name in names)
    return tuple((name, str(value)) for name, value in values if value is not None)


@lru_cache(maxsize=256)
def _resolve(asked: _Asked, dialect: Dialect) -> Plan:
    taken = split(asked.conninfo, NAMES)
    variables = (
        (f"environment {env}", {ENVIRONMENT[env]: value})
        for env, value in asked.environment
    )
    settings = settings_of(
        (
            ("keyword argument", dict(asked.ours)),
            ("conninfo", taken.options),
            *variables,
        )
    )
    if settings is None:
        return Plan(taken.rest, None)
    for name in (*taken.names, *asked.names):
        _refuse_unknown(name, dialect)
    for name in os.environ:
        _refuse_unknown_variable(name)
    params = {**dialect.parse(taken.rest), **dict(asked.target)}
    request = Request(
        tiers=settings.tiers,
        timeout=_timeout({**dialect.defaults(), **params}),
        interval=settings.interval,
        pause=settings.pause,
        options=settings.text,
        source=YB_SERVERS,
        dialect=dialect,
    )
    return Plan(taken.rest, (_cluster(params, dialect), request))


def _cluster(params: Mapping[str, str], dialect: Dialect) -> ClusterState:
    if "service" in params and not {"host", "hostaddr"} & params.keys():
        # Only libpq reads service files, and it does so when it connects.
        return state_for(("service", params["service"]), (None,))
    contacts = contact_points({**dialect.defaults(), **params}, DEFAULT_PORT)
    return state_for(contacts, contacts)


def _timeout(params: Mapping[str, str]) -> float | None:
    text = params.get("connect_timeout")
    if text is None:
        return DEFAULT_TIMEOUT
    try:
        timeout = float(text)
    except ValueError:
        message = f"connect_timeout={text!r}: write a number of seconds, 0 for no limit"
        raise ConfigError(message) from None
    return timeout if timeout > 0 else None


def misspelt(conninfo: str, arguments: Iterable[str]) -> str:
    """Say which of moorline's options a name was meant to be; "" if none was."""
    for name in (*split(conninfo, NAMES).names, *arguments):
        near = nearest(name, NAMES)
        if near:
            return f"unknown option {name}: did you mean {near}?"
    return ""


def _refuse_unknown(name: str, dialect: Dialect) -> None:
    keywords = dialect.keywords()
    if name in NAMES or name in keywords:
        return
    near = nearest(name, NAMES) or nearest(name, keywords)
    options = ", ".join(sorted(NAMES))
    cure = f"did you mean {near}?" if near else f"moorline's options are {options}"
    message = f"unknown option {name}: {cure}"
    raise ConfigError(message)


def _refuse_unknown_variable(name: str) -> None:
    if name.startswith(PREFIX) and name not in ENVIRONMENT:
        near = nearest(name, {env.lower(): env for env in ENVIRONMENT})
        cure = f"did you mean {near.upper()}?" if near else ", ".join(ENVIRONMENT)
        message = f"unknown environment variable {name}: {cure}"
        raise ConfigError(message)

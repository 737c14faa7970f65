"""From what the user wrote to a cluster and a request.

Options come as keyword arguments, in the conninfo, or from the environment, the first
one winning, and all three mean the same. Everything that is not moorline's goes on to
the driver as it came.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

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
    from moorline.yugabyte.options import Settings

__all__ = ["Plan", "misspelt", "resolve"]

PREFIX = "MOORLINE_YB_"
ENVIRONMENT = {option.env: option.name for option in TABLE}
# Parameters that say which cluster is meant and how long a connect may take.
TARGET = ("host", "hostaddr", "port", "service", "connect_timeout")
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


@dataclass(frozen=True, eq=False, slots=True)
class _Reading:
    """What one way to write a connect says, whatever the driver's defaults.

    Args:
        rest: The conninfo without moorline's options.
        settings: What these decide; `None` if balancing is off.
        params: The driver's parameters that say where to connect.
        unsaid: The driver's environment variables that fill the gaps.
    """

    rest: str = field(repr=False)
    settings: Settings | None
    params: Mapping[str, str] = field(repr=False)
    unsaid: tuple[str, ...]


def resolve(
    conninfo: str, arguments: Mapping[str, object], dialect: Dialect
) -> Plan | None:
    """Read moorline's options; `None` if there are none at all.

    Plans are kept, since most programs connect in a few ways many times. They depend
    on the environment as it is now, so that a change of it is seen.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; of the
            class that the driver's users expect.
    """
    environment = variables.read()
    if not environment and NAMES.isdisjoint(arguments) and not _mentions(conninfo):
        return None
    try:
        reading = _read(conninfo, _written(arguments), environment, dialect)
        if reading is None:
            return None
        _refuse_unknown_variables(len(os.environ))
        return _plan(reading, _environment(reading.unsaid), dialect)
    except ConfigError as error:
        raise dialect.config_error(str(error)) from None


def _mentions(conninfo: str) -> bool:
    """Tell whether a conninfo may hold options of ours, without parsing it."""
    for name in NAMES:
        if name in conninfo:
            return True
    return "%" in conninfo and conninfo.startswith(URI_PREFIXES)


class _Variables:
    """moorline's own environment variables, looked at sparingly.

    Looking for one that is not set costs some microseconds, and mostly none is. Then
    they are looked for again when the number of variables has changed, or after a
    second.
    """

    def __init__(self) -> None:
        self._none_set = (-1, 0.0)

    def read(self) -> Pairs:
        """Return the variables that are set."""
        number, until = self._none_set
        now, count = time.monotonic(), len(os.environ)
        if count == number and now < until:
            return ()
        found = _environment(ENVIRONMENT)
        self._none_set = (-1, 0.0) if found else (count, now + 1.0)
        return found


variables = _Variables()


def _environment(names: Iterable[str]) -> Pairs:
    # A variable that is set to nothing counts as not set.
    get = os.environ.get
    return tuple([(name, value) for name in names if (value := get(name))])


def _written(arguments: Mapping[str, object]) -> Pairs:
    """Return arguments as they would stand in a conninfo."""
    if not arguments:
        return ()
    return tuple(
        [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in arguments.items()
            if value is not None
        ]
    )


@lru_cache(maxsize=256)
def _read(
    conninfo: str, arguments: Pairs, environment: Pairs, dialect: Dialect
) -> _Reading | None:
    taken = split(conninfo, NAMES)
    given = dict(arguments)
    if not taken.options and not environment and NAMES.isdisjoint(given):
        return None
    settings = settings_of(
        (
            ("keyword argument", given),
            ("conninfo", taken.options),
            *((f"environment {env}", {ENVIRONMENT[env]: v}) for env, v in environment),
        )
    )
    if settings is None:
        return _Reading(taken.rest, None, {}, ())
    for name in (*taken.names, *given):
        _refuse_unknown(name, dialect)
    said = {**dialect.parse(taken.rest), **given}
    params = {name: said[name] for name in TARGET if name in said}
    if "host" in params:
        # Neither an address nor a service from the environment comes before it.
        params = {"hostaddr": "", "service": "", **params}
    unsaid = tuple(f"PG{name.upper()}" for name in TARGET if name not in params)
    return _Reading(taken.rest, settings, params, unsaid)


@lru_cache(maxsize=256)
def _plan(
    reading: _Reading,
    environment: Pairs,  # noqa: ARG001 - the driver's defaults come from there
    dialect: Dialect,
) -> Plan:
    settings = reading.settings
    if settings is None:
        return Plan(reading.rest, None)
    params = {**dialect.defaults(), **reading.params}
    request = Request(
        tiers=settings.tiers,
        timeout=_timeout(params),
        interval=settings.interval,
        pause=settings.pause,
        options=settings.text,
        source=YB_SERVERS,
        dialect=dialect,
    )
    return Plan(reading.rest, (_cluster(reading.params, params), request))


def _cluster(said: Mapping[str, str], params: Mapping[str, str]) -> ClusterState:
    """Return the cluster behind what was said, and the driver's defaults."""
    if said.get("service") and "host" not in said and "hostaddr" not in said:
        # Only libpq reads service files, and it does so when it connects.
        return state_for(("service", said["service"]), (None,))
    contacts = contact_points(params, DEFAULT_PORT)
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


# Looked through when a variable was set or unset, which changes their number.
@lru_cache(maxsize=1)
def _refuse_unknown_variables(_number: int) -> None:
    for name in os.environ:
        if not name.startswith(PREFIX) or name in ENVIRONMENT:
            continue
        near = nearest(name, {env.lower(): env for env in ENVIRONMENT})
        cure = f"did you mean {near.upper()}?" if near else ", ".join(ENVIRONMENT)
        message = f"unknown environment variable {name}: {cure}"
        raise ConfigError(message)

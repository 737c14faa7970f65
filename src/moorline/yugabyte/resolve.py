"""From what the user wrote to a cluster and a request.

Options come as keyword arguments, in the conninfo, or from the environment, the first
one winning, and all three mean the same. Everything that is not moorline's goes on to
the driver as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite, nan
from typing import TYPE_CHECKING

from moorline.core.conninfo import URI_PREFIXES, contact_points, split
from moorline.core.options import nearest
from moorline.core.request import Request
from moorline.errors import ConfigError
from moorline.yugabyte.discovery import YB_SERVERS
from moorline.yugabyte.environment import ENVIRONMENT, variables
from moorline.yugabyte.options import NAMES, settings_of
from moorline.yugabyte.registry import state_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorline.core.request import Dialect
    from moorline.core.state import ClusterState
    from moorline.yugabyte.environment import Pairs

__all__ = ["Plan", "misspelt", "resolve"]

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
    environment = ours, _ = variables.read()
    if not (ours or otherwise or _mentions(conninfo)) and NAMES.isdisjoint(arguments):
        return None
    try:
        given = _written(arguments)
        plan = _resolve(conninfo, given, environment, dialect, otherwise)
    except ConfigError as error:
        raise dialect.config_error(str(error)) from None
    if plan and plan.cluster and variables.unknown:
        raise dialect.config_error(variables.unknown)
    return plan


def _mentions(conninfo: str) -> bool:
    """Tell whether a conninfo may hold options of ours, without parsing it."""
    for name in NAMES:
        if name in conninfo:
            return True
    return "%" in conninfo and conninfo.startswith(URI_PREFIXES)


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
def _resolve(
    conninfo: str,
    arguments: Pairs,
    environment: tuple[Pairs, Pairs],
    dialect: Dialect,
    otherwise: Pairs,
) -> Plan | None:
    ours, _ = environment  # the other part is what the driver's defaults depend on
    taken = split(conninfo, NAMES)
    given = dict(arguments)
    if not (taken.options or ours or otherwise) and NAMES.isdisjoint(given):
        return None
    settings = settings_of(
        (
            ("keyword argument", given),
            ("conninfo", taken.options),
            *((f"environment {env}", {ENVIRONMENT[env]: v}) for env, v in ours),
            ("default", dict(otherwise)),
        )
    )
    if settings is None:
        return Plan(taken.rest, None)
    for name in (*taken.names, *given):
        _refuse_unknown(name, dialect)
    said = {**dialect.parse(taken.rest), **given}
    params = {**dialect.defaults(), **said}
    if "host" in said:
        # An address or a service from the environment does not come before it.
        params = {**params, "hostaddr": said.get("hostaddr", "")}
    request = Request(
        tiers=settings.tiers,
        timeout=_timeout(params),
        interval=settings.interval,
        pause=settings.pause,
        options=settings.text,
        source=YB_SERVERS,
        dialect=dialect,
    )
    return Plan(taken.rest, (_cluster(said, params), request))


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
        timeout = nan
    if not isfinite(timeout):
        message = f"connect_timeout={text!r}: write a number of seconds, 0 for no limit"
        raise ConfigError(message)
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

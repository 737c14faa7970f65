"""The options of `moorline.yugabyte`, and what they decide.

Names, ranges and defaults are those of YugabyteDB's smart drivers. Where these differ
among themselves, the other names are aliases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from moorline.core.options import Option, Table, boolean, seconds, stem
from moorline.core.placement import parse_keys, tiers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorline.core.options import Given, Value
    from moorline.core.placement import Tier, TopologyKey
    from moorline.core.request import AddressMap

__all__ = ["TABLE", "Settings", "settings_of"]


def _keys(given: Given) -> tuple[TopologyKey, ...]:
    return parse_keys(str(given.value))


# The roles that each mode takes, best first; none if balancing is off.
MODES: dict[str, tuple[str, ...]] = {
    "true": ("",),
    "any": ("",),
    "only-primary": ("primary",),
    "only-rr": ("replica",),
    "prefer-primary": ("primary", "replica"),
    "prefer-rr": ("replica", "primary"),
    "false": (),
}


SPELLED = {stem(mode): mode for mode in MODES}


def _mode(given: Given) -> str:
    mode = SPELLED.get(stem(str(given.value)))
    if mode is None:
        raise given.error(f"write one of {', '.join(MODES)}")
    return mode


def _function(given: Given) -> AddressMap:
    if not callable(given.value):
        raise given.error("give a function of host and port, as a keyword argument")
    return cast("AddressMap", given.value)


LOAD_BALANCE = Option(
    "load_balance",
    "MOORLINE_YB_LOAD_BALANCE",
    default="false",
    help="Spread connections over the nodes: `true` or `any` (over all of them), "
    "`only-primary`, `only-rr` (read replicas), `prefer-primary`, `prefer-rr` (the "
    "others when none of these can be used), or `false`.",
    parse=_mode,
    shared=("load_balance_hosts",),  # libpq's own takes `disable` and `random`
)
TOPOLOGY_KEYS: Option[tuple[TopologyKey, ...]] = Option(
    "topology_keys",
    "MOORLINE_YB_TOPOLOGY_KEYS",
    default=(),
    help="Placements to connect to: `cloud.region.zone[:priority]`, separated by "
    "commas. Trailing parts may be `*`; priorities go from 1, the default and tried "
    "first, to 10.",
    parse=_keys,
)
REFRESH_INTERVAL = Option(
    "yb_servers_refresh_interval",
    "MOORLINE_YB_SERVERS_REFRESH_INTERVAL",
    default=300,
    help="Seconds after which the list of nodes is read again: 0 to 600.",
    parse=seconds(0, 600, default=300),
)
FALLBACK_ONLY = Option(
    "fallback_to_topology_keys_only",
    "MOORLINE_YB_FALLBACK_TO_TOPOLOGY_KEYS_ONLY",
    default=False,
    help="Never connect to a node outside `topology_keys`: `true` or `false`.",
    parse=boolean,
)
RECONNECT_DELAY = Option(
    "failed_host_reconnect_delay_secs",
    "MOORLINE_YB_FAILED_HOST_RECONNECT_DELAY_SECS",
    default=5,
    help="Seconds for which a node is left alone after it failed: 0 to 60.",
    parse=seconds(0, 60, default=5),
    aliases=("failed_host_ttl_seconds",),
)
ADDRESS_MAP: Option[AddressMap | None] = Option(
    "address_map",
    "",
    default=None,
    help="A function that takes the host and the port of a node as listed and returns "
    "the pair to dial instead, for NAT, Docker and port forwards. As a keyword "
    "argument only.",
    parse=_function,
)
TABLE = Table(
    LOAD_BALANCE,
    TOPOLOGY_KEYS,
    REFRESH_INTERVAL,
    FALLBACK_ONLY,
    RECONNECT_DELAY,
    ADDRESS_MAP,
)


class Settings(NamedTuple):
    """What the options of one connect decide.

    Args:
        tiers: The placements to try, in this order.
        interval: Seconds after which the list of nodes is read again.
        pause: Seconds for which a node is left alone after it failed.
        address_map: Says where to dial a node.
        text: The options that were given, as a user would write them.
    """

    tiers: tuple[Tier, ...]
    interval: int
    pause: int
    address_map: AddressMap | None
    text: str


def _as_written(given: Given) -> str:
    value = given.value
    name = getattr(value, "__qualname__", value) if callable(value) else value
    return f"{given.name}={name}"


def settings_of(
    sources: Iterable[tuple[str, Mapping[str, Value]]],
) -> Settings | None:
    """Read the options; `None` if balancing is off.

    Args:
        sources: Where values come from, the strongest first: a description, and the
            values by name.

    Raises:
        ConfigError: A value is malformed, or an option was given without the switch
            that makes it mean something.
    """
    given = TABLE.collect(sources)
    if LOAD_BALANCE.name not in given:
        for one in given.values():
            raise one.error("it needs load_balance; add load_balance=true")
        return None
    roles = MODES[LOAD_BALANCE.of(given)]
    if not roles:
        return None
    keys = TOPOLOGY_KEYS.of(given)
    return Settings(
        tiers=tiers_of(keys, strict=FALLBACK_ONLY.of(given), roles=roles),
        interval=REFRESH_INTERVAL.of(given),
        pause=RECONNECT_DELAY.of(given),
        address_map=ADDRESS_MAP.of(given),
        text=", ".join(map(_as_written, given.values())),
    )

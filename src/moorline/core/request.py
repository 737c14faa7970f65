"""What a caller asks for, without the secrets, and what its driver is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorline.core.address import Address
    from moorline.core.faults import Fault
    from moorline.core.load import Life
    from moorline.core.placement import Tier
    from moorline.core.steps import Row
    from moorline.core.topology import Node
    from moorline.errors import (
        ConfigError,
        DeadlineExceeded,
        NoNodeAvailable,
        TokenError,
    )

__all__ = ["AddressMap", "Dialect", "Request", "Source"]

AddressMap: TypeAlias = "Callable[[str, int], tuple[str, int]]"


class Source(NamedTuple):
    """How a product reads its list of nodes.

    Args:
        sql: The query; its rows come as mappings by column name.
        decode: Turns rows into nodes and the cluster's name, "" if it has none.
        missing: The SQLSTATE that says that the server is not of this product.
    """

    sql: str
    decode: Callable[[Sequence[Row]], tuple[tuple[Node, ...], str]]
    missing: str


@dataclass(frozen=True, eq=False, slots=True)
class Dialect:
    """What decisions need to know of a driver: its errors, its way to read options.

    Args:
        fault_of: Describes one of its exceptions.
        life: Tells whether one of its connections is open.
        read: Gives the parameters that a conninfo and keyword arguments say, as the
            driver reads them, raising the driver's error.
        defaults: Gives the parameters that the driver takes where none are given.
        keywords: Gives the names of all parameters that the driver takes.
        passes_settings: Whether names in a conninfo that it does not know are
            settings for the server.
        timeout: The parameter that limits the time of a connect.
        least_share: Seconds that an attempt gets at the least, if there is time for
            two such.
        config_error: The class to raise for a bad option, so that existing
            ``except`` clauses catch it.
        no_node: The same, when no node could be used.
        deadline: The same, when the time is over.
        no_token: The same, when there is no token to log in with.
    """

    fault_of: Callable[[Exception], Fault]
    life: Life
    read: Callable[[str, Mapping[str, str]], Mapping[str, str]]
    defaults: Callable[[], Mapping[str, str]]
    keywords: Callable[[], frozenset[str]]
    passes_settings: bool
    timeout: str
    least_share: float
    config_error: type[ConfigError]
    no_node: type[NoNodeAvailable]
    deadline: type[DeadlineExceeded]
    no_token: type[TokenError]


class Request(NamedTuple):
    """A connection that somebody wants.

    Args:
        tiers: The placements to try, in this order.
        timeout: Seconds for all of it, discovery and every candidate; `None`: no end.
        interval: Seconds after which the list of nodes is read again.
        pause: Seconds for which a node is left alone after a failure.
        options: The options that decided, as a user would write them.
        source: How the list of nodes is read.
        dialect: What the driver is like.
        contacts: The contact points that the caller named; `None` stands for whatever
            server the caller's conninfo leads to.
        address_map: Says where to dial a node that is listed at a host and port.
    """

    tiers: tuple[Tier, ...]
    timeout: float | None
    interval: float
    pause: float
    options: str
    source: Source
    dialect: Dialect
    contacts: tuple[Address | None, ...] = ()
    address_map: AddressMap | None = None

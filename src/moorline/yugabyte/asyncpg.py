"""asyncpg with connections spread over a YugabyteDB cluster.

Write ``from moorline.yugabyte import asyncpg`` instead of ``import asyncpg``. With
``load_balance=true``, `connect` and `create_pool` choose the node; every other name is
asyncpg's own, reachable through this module. Without it, asyncpg does what it always
does.

The options are listed in `moorline.yugabyte.options`; they may stand in the DSN.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack, cast

import asyncpg as _asyncpg
from asyncpg import Connection, Pool, Record, exceptions, types  # noqa: TC002 - handed on
from asyncpg.exceptions import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]

from moorline.core import dial
from moorline.drivers import asyncpg as driver
from moorline.shell import aio
from moorline.yugabyte.asyncpg_pool import BalancedPool
from moorline.yugabyte.options import TABLE
from moorline.yugabyte.resolve import resolve

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from os import PathLike
    from ssl import SSLContext

    from moorline.core.request import AddressMap

Hook: TypeAlias = "Callable[[Connection], Awaitable[None]]"

__all__ = ["exceptions", "types"]
__all__ += _asyncpg.__all__


class ConnectOptions(TypedDict, total=False):
    """The keyword arguments of `connect`: asyncpg's, and moorline's."""

    host: str | Sequence[str] | None
    port: int | Sequence[int] | None
    user: str | None
    password: str | Callable[[], str | Awaitable[str]] | None
    passfile: str | PathLike[str] | None
    service: str | None
    servicefile: str | PathLike[str] | None
    database: str | None
    loop: AbstractEventLoop | None
    timeout: float | None
    statement_cache_size: int
    max_cached_statement_lifetime: int
    max_cacheable_statement_size: int
    command_timeout: float | None
    ssl: SSLContext | str | bool | None
    direct_tls: bool | None
    connection_class: type[Connection]
    record_class: type[Record]
    server_settings: Mapping[str, str] | None
    target_session_attrs: str | None
    krbsrvname: str | None
    gsslib: str | None
    load_balance: str | bool
    topology_keys: str
    yb_servers_refresh_interval: int | str
    fallback_to_topology_keys_only: str | bool
    failed_host_reconnect_delay_secs: int | str
    address_map: AddressMap | None


class PoolOptions(ConnectOptions, total=False):
    """The keyword arguments of `create_pool`."""

    init_size: int | None
    min_size: int
    max_size: int
    max_queries: int
    max_inactive_connection_lifetime: float
    setup: Hook | None
    init: Hook | None
    reset: Hook | None


async def connect(
    dsn: str | None = None, **options: Unpack[ConnectOptions]
) -> Connection:
    """Connect as ``asyncpg.connect`` does, to the node that is due.

    Args:
        dsn: As for asyncpg; moorline's options may be in it.
        options: As for asyncpg, and moorline's options. ``timeout`` is the limit for
            the whole connect, in seconds: 10 if it is not given, none if it is `None`
            or 0.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; it is an
            `asyncpg.InterfaceError` too.
        NoNodeAvailable: No node could be used; a `ConnectionError` too.
        DeadlineExceeded: ``timeout`` is over; a `TimeoutError` too.
    """
    # `None` is not given, for ours as for asyncpg's own.
    given: dict[str, Any] = {
        name: value
        for name, value in options.items()
        if value is not None or not TABLE.holds(name, value)
    }
    plan = resolve(dsn or "", _written(given), driver.DIALECT)
    if plan is None:
        return await driver.connect(dsn, **given)
    given = plan.drivers(given)
    if plan.cluster is None:
        return await driver.connect(plan.conninfo or None, **given)
    dialer = driver.Asyncpg(plan.conninfo, given)
    flow = dial.connect(*plan.cluster, time.monotonic())
    return cast("Connection", await aio.run(flow, dialer))


def create_pool(dsn: str | None = None, **options: Unpack[PoolOptions]) -> Pool:
    """Make an ``asyncpg.Pool`` whose connections go to the nodes that are due.

    Arguments are those of ``asyncpg.create_pool``, and moorline's options. The pool
    lets go of connections to a node that `moorline.yugabyte.Cluster.drain` takes out
    of use: idle ones at once, the others when they come back.
    """
    given = {**driver.pool_defaults(), "connect": connect, **options}
    return BalancedPool(dsn, **given)


def _written(options: Mapping[str, Any]) -> Mapping[str, object]:
    """Return arguments as they would stand in a DSN: lists with commas, 0 for never."""
    if not options:
        return options
    written = dict(options)
    for name in ("host", "port"):
        value = options.get(name)
        if isinstance(value, list | tuple):
            written[name] = ",".join(map(str, cast("Sequence[object]", value)))
    if "timeout" in options and options["timeout"] is None:
        written["timeout"] = 0
    return written


def __getattr__(name: str) -> object:
    return getattr(_asyncpg, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_asyncpg)})

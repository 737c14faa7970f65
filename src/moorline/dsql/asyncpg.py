"""asyncpg for Aurora DSQL: tokens for passwords, and verified TLS.

Write ``from moorline.dsql import asyncpg`` instead of ``import asyncpg``. `connect` and
`create_pool` log in with a token of their own making; every other name is asyncpg's
own, reachable through this module.

The options are listed in `moorline.dsql.options`; they may stand in the DSN.
"""

# asyncpg's methods have no annotations.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack, cast

import asyncpg as _asyncpg
from asyncpg import Pool, Record, exceptions, types  # noqa: TC002 - handed on
from asyncpg.exceptions import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]

from moorline.core.conninfo import parse
from moorline.drivers import asyncpg as driver
from moorline.dsql.asyncpg_tls import context_for, verifies
from moorline.dsql.lifetime import LONGEST, age_of
from moorline.dsql.login import login
from moorline.dsql.options import ALLOW_INSECURE_TLS, TABLE
from moorline.dsql.resolve import Kind, known, resolve
from moorline.dsql.transactions.joined_asyncpg import JoiningConnection
from moorline.shell import aio

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable, Mapping

    from moorline.dsql.lifetime import Age
    from moorline.dsql.resolve import Plan, Wanted
    from moorline.dsql.signing import Provider

Hook: TypeAlias = "Callable[[_asyncpg.Connection], Awaitable[None]]"

__all__ = ["exceptions", "types"]
__all__ += _asyncpg.__all__

# What a DSN may hold, by libpq's names, beside moorline's options.
NAMES = frozenset(
    {
        "application_name",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "options",
        "password",
        "port",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "user",
    }
)
# asyncpg's arguments that mean the same.
SAME = {"database": "dbname", "timeout": "connect_timeout"}
SHARED = frozenset({"host", "port", "user", "password", *SAME})


class ConnectOptions(TypedDict, total=False):
    """The keyword arguments of `connect`: asyncpg's, and moorline's."""

    host: str | None
    port: int | None
    user: str | None
    database: str | None
    loop: AbstractEventLoop | None
    timeout: float | None
    statement_cache_size: int
    max_cached_statement_lifetime: int
    max_cacheable_statement_size: int
    command_timeout: float | None
    ssl: str | bool | ssl.SSLContext | None
    direct_tls: bool | None
    connection_class: type[_asyncpg.Connection]
    record_class: type[Record]
    server_settings: Mapping[str, str] | None
    target_session_attrs: str | None
    region: str | None
    profile: str | None
    cluster_id: str | None
    token_duration_secs: int | str
    orm_prefix: str | None
    credentials_provider: Provider | None
    allow_insecure_tls: str | bool


# asyncpg's arguments that do not concern us.
PASSED = frozenset(
    name
    for name in ConnectOptions.__annotations__
    if name not in SHARED | {"ssl", "direct_tls"} and not TABLE.holds(name, None)
)


class PoolOptions(ConnectOptions, total=False):
    """The keyword arguments of `create_pool`."""

    init_size: int | None
    min_size: int
    max_size: int
    max_queries: int
    max_inactive_connection_lifetime: float
    max_lifetime: float
    setup: Hook | None
    init: Hook | None
    reset: Hook | None


class Connection(JoiningConnection):
    """`asyncpg.Connection` that knows its age.

    Within `moorline.dsql.run_transaction_async`, ``conn.transaction()`` is a part of
    the transaction that is under way.

    Attributes:
        age: When it was opened.
    """

    age: Age

    def get_reset_query(self) -> str:
        """Return what a pool sends between two users, less what DSQL does not have."""
        return "RESET ALL"


def _finish(wanted: Wanted) -> dict[str, Any]:
    """Return asyncpg's arguments, but for the address and the password."""
    settings = {"application_name": wanted.application_name}
    if wanted.options:
        settings["options"] = wanted.options
    context = context_for(wanted.sslmode, wanted.sslrootcert)
    negotiation = wanted.rest.get("sslnegotiation", "direct")
    return {
        "user": wanted.user,
        "database": wanted.dbname,
        "server_settings": settings,
        "ssl": context,
        "direct_tls": negotiation == "direct" and not isinstance(context, str),
    }


KIND = Kind(
    dialect=driver.DIALECT,
    read=parse,
    names=lambda: NAMES,
    finish=_finish,
    dials_names=True,
)


async def connect(
    dsn: str | None = None, **options: Unpack[ConnectOptions]
) -> _asyncpg.Connection:
    """Connect as ``asyncpg.connect`` does, with a token for a password.

    Args:
        dsn: A URI, a keyword conninfo, or a cluster's endpoint or id alone; moorline's
            options may be in it.
        options: As for asyncpg, and moorline's options. ``user`` is ``admin`` and
            ``database`` ``postgres`` if not given. ``ssl`` may be a context of one's
            own that verifies certificates and names. ``timeout`` is the limit for the
            whole login, in seconds: 30 if it is not given, none if it is `None` or 0.

    Raises:
        ConfigError: An option is unknown, malformed or contradicts another; it is an
            `asyncpg.InterfaceError` too.
        TokenError: There are no AWS credentials, or the clock is wrong; an
            `asyncpg.InterfaceError` too.
        DeadlineExceeded: ``timeout`` is over; a `TimeoutError` too.
        PostgresError: asyncpg's own, if the cluster refuses the login.
    """
    given = cast("dict[str, Any]", options)
    said, passed = _sorted_out(given)
    plan = known(dsn or "", said, KIND)
    if plan is None:
        plan = await asyncio.to_thread(partial(resolve, dsn or "", said, KIND))
    dialer = driver.Asyncpg("", _arguments(plan, passed))
    conn = await aio.run(login(plan.target), dialer)
    # asyncpg takes all its connections for instances of each of their classes.
    if issubclass(type(conn), Connection):
        conn = cast("Connection", conn)
        conn.age = age_of(plan.target)
    return cast("_asyncpg.Connection", conn)


def create_pool(dsn: str | None = None, **options: Unpack[PoolOptions]) -> Pool:
    """Make an ``asyncpg.Pool`` whose connections log in with tokens.

    A connection is retired after 45 to 55 minutes, by whoever asks for it next or in
    the background, before the service would end it.

    Args:
        dsn: As for `connect`.
        options: As for ``asyncpg.create_pool``, and moorline's options.
            ``max_lifetime`` are the seconds after which the last of the connections
            that were opened together is retired; the first is after nine elevenths of
            that. 3300 if it is not given, and at the most.

    Raises:
        ConfigError: ``max_lifetime`` is more than the service allows, or the connection
            class is not derived from `Connection`.
    """
    from moorline.dsql.asyncpg_pool import RetiringPool  # noqa: PLC0415 - needs us

    given = cast("dict[str, Any]", options)
    longest = given.pop("max_lifetime", LONGEST)
    chosen = given.setdefault("connection_class", Connection)
    if not issubclass(chosen, Connection):
        raise driver.ConfigError(
            f"connection_class={chosen.__module__}.{chosen.__qualname__}: derive it "
            f"from {Connection.__module__}.{Connection.__qualname__}"
        )
    arguments = {**driver.pool_defaults(), "connect": connect, **given}
    return RetiringPool(dsn, max_lifetime=longest, **arguments)


def _sorted_out(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort arguments into those that say where to log in, and those for asyncpg."""
    said: dict[str, Any] = {}
    passed: dict[str, Any] = {}
    for name, value in given.items():
        if name in SHARED:
            said[SAME.get(name, name)] = value
        elif name in PASSED:
            passed[name] = value
        elif name not in {"ssl", "direct_tls"}:  # ours, libpq's, or misspelt
            said[name] = value
    settings = dict(given.get("server_settings") or {})
    said["application_name"] = settings.pop("application_name", None)
    passed["server_settings"] = settings
    if "timeout" in given and given["timeout"] is None:
        said["connect_timeout"] = 0
    direct = given.get("direct_tls")
    if direct is not None:
        said["sslnegotiation"] = "direct" if direct else "postgres"
    mode = given.get("ssl")
    if isinstance(mode, ssl.SSLContext):
        passed |= {"ssl": _checked(mode, given), "direct_tls": direct}
    elif mode is False:
        said["sslmode"] = "disable"
    elif mode is not None and mode is not True:
        said["sslmode"] = mode
    return said, passed


def _checked(context: ssl.SSLContext, given: dict[str, Any]) -> ssl.SSLContext:
    allowed = ALLOW_INSECURE_TLS.of(TABLE.collect((("keyword argument", given),)))
    if not (verifies(context) or allowed):
        raise driver.ConfigError(
            "ssl: the context does not verify certificates and names, and would give "
            "the token to whoever answers; if that is meant, say "
            "allow_insecure_tls=True as well"
        )
    return context


def _arguments(plan: Plan, passed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments for asyncpg."""
    settings = passed["server_settings"] | plan.arguments["server_settings"]
    return {
        "connection_class": Connection,
        **plan.arguments,
        **passed,
        "server_settings": settings,
    }


def __getattr__(name: str) -> object:
    return getattr(_asyncpg, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_asyncpg)})

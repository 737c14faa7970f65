"""asyncpg, unmodified: how its connections are opened, asked and closed."""

from __future__ import annotations

import errno
import os
import re
import ssl
from functools import cache
from operator import methodcaller
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from asyncpg.exceptions import (
    ClientConfigurationError,
    InterfaceError,
    PostgresError,
)

from moorline import errors
from moorline.core.faults import Fault
from moorline.core.load import Life
from moorline.core.request import Dialect
from moorline.core.secret import Secret
from moorline.drivers.asyncpg_tls import verified_as

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from asyncpg import Connection

    from moorline.core.steps import Connect, Fetch, Row

__all__ = [
    "DIALECT",
    "Asyncpg",
    "ConfigError",
    "NoNodeAvailable",
    "TokenError",
    "connect",
    "pool_defaults",
]

# asyncpg's own, which has no annotations.
_untyped: Any = asyncpg
connect: Callable[..., Awaitable[Connection]] = _untyped.connect
# Which arguments are the caller's own, and of no use to a control connection.
OWN = frozenset({"connection_class", "record_class", "loop"})
CLOSE_LIMIT = 1.0  # seconds to say goodbye to the server


class ConfigError(ClientConfigurationError, errors.ConfigError):
    """`moorline.errors.ConfigError` that is an `asyncpg.InterfaceError` too."""


class NoNodeAvailable(errors.NoNodeAvailable, ConnectionError):  # noqa: N818 - as there
    """`moorline.errors.NoNodeAvailable` that is a `ConnectionError` too.

    asyncpg itself raises an `OSError` when no server can be reached.
    """


class TokenError(InterfaceError, errors.TokenError):
    """`moorline.errors.TokenError` that is an `asyncpg.InterfaceError` too."""


def fault_of(error: Exception) -> Fault:
    """Describe an exception of asyncpg, of the network, or a time limit of ours."""
    text = str(error) or type(error).__name__
    match error:
        case TimeoutError():
            return Fault("no answer in time", answered=False)
        case PostgresError():
            return Fault(text, sqlstate=getattr(error, "sqlstate", None), answered=True)
        case OSError() if not _is_callers(error):
            return Fault(_reason(error), answered=False)
        case _:  # Not about the server: a wrong argument, a file that is missing.
            return Fault(text, answered=True)


def _reason(error: OSError) -> str:
    """Say what is wrong with the network in the system's own words, if it has any."""
    number = error.errno or 0
    if number in errno.errorcode and not isinstance(error, ssl.SSLError):
        return os.strerror(number)
    return str(error) or type(error).__name__


def _is_callers(error: OSError) -> bool:
    """Tell whether no other node would change it: certificates that do not do."""
    return isinstance(
        error, ssl.SSLCertVerificationError | FileNotFoundError | PermissionError
    ) or "rejected SSL upgrade" in str(error)


def read(dsn: str, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that say where to connect.

    As ``asyncpg.connect`` finds them: an argument wins over the DSN, the hosts behind
    the ``@`` over a ``host`` among the parameters, and ports go with their hosts.
    """
    said = dict(arguments)
    parts = urlsplit(dsn)
    params = dict(parse_qsl(parts.query))
    if "service" in params:
        said.setdefault("service", params["service"])
    if "host" not in said:
        hosts = parts.netloc.rpartition("@")[2] or params.get("host", "")
        if not parts.netloc and "port" in params:
            said.setdefault("port", params["port"])
        if hosts:
            pairs = [_host_and_port(spec) for spec in hosts.split(",")]
            said["host"] = ",".join(host for host, _ in pairs)
            said.setdefault("port", ",".join(port for _, port in pairs))
    return said


def _host_and_port(spec: str) -> tuple[str, str]:
    found = re.fullmatch(r"\[(.*)\](?::(.*))?|(/.*)|([^:]*)(?::(.*))?", spec)
    v6, v6_port, directory, name, port = found.groups() if found else ("",) * 5
    host, port = v6 or directory or name or "", v6_port or port
    return unquote(host), unquote(port or os.environ.get("PGPORT", ""))


def defaults() -> dict[str, str]:
    """Return what ``asyncpg.connect`` takes from the environment."""
    names = {"host": "PGHOST", "port": "PGPORT"}
    return {key: os.environ[env] for key, env in names.items() if os.environ.get(env)}


@cache
def keywords() -> frozenset[str]:
    """Return the names of all parameters, of ``connect`` and in a DSN."""
    from inspect import signature  # noqa: PLC0415 - slow to import, needed for errors

    in_dsn = {
        "dbname",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "sslnegotiation",
        "sslcrl",
        "sslpassword",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
    }
    return frozenset({*signature(connect).parameters, *in_dsn})


is_closed = methodcaller("is_closed")
DIALECT = Dialect(
    fault_of=fault_of,
    life=Life(is_closed, is_closed),  # its loop tells at once when a server hangs up
    read=read,
    defaults=defaults,
    keywords=keywords,
    passes_settings=True,
    timeout="timeout",
    least_share=1.0,
    config_error=ConfigError,
    no_node=NoNodeAvailable,
    deadline=errors.DeadlineExceeded,
    no_token=TokenError,
)


@cache
def pool_defaults() -> Mapping[str, object]:
    """Return what ``asyncpg.create_pool`` gives a pool when nobody says otherwise."""
    from inspect import Parameter, signature  # noqa: PLC0415 - as above

    parameters = signature(_untyped.create_pool).parameters.values()
    kind = Parameter.KEYWORD_ONLY
    return {one.name: one.default for one in parameters if one.kind is kind}


class Asyncpg:
    """Performs steps with asyncpg's connections, for one caller.

    Args:
        dsn: The DSN, without moorline's options.
        arguments: The keyword arguments, the same.
    """

    def __init__(self, dsn: str, arguments: Mapping[str, Any]) -> None:
        self._dsn = Secret(dsn)
        self._arguments = Secret(arguments)

    async def connect(self, step: Connect) -> object:
        """Open a connection."""
        return await connect(self._dsn.reveal() or None, **self._for(step))

    def _for(self, step: Connect) -> dict[str, Any]:
        """Return the keyword arguments of one attempt."""
        arguments = dict(self._arguments.reveal())
        if step.control:
            arguments = {k: v for k, v in arguments.items() if k not in OWN}
            arguments["statement_cache_size"] = 0
        if step.password is not None:
            arguments["password"] = step.password.reveal()
        if step.address is not None:
            host, port, hostaddr = step.address
            arguments.update(host=hostaddr or host, port=port)
            if hostaddr and host:
                dsn, given = self._dsn.reveal(), arguments.get("ssl")
                arguments["ssl"] = verified_as(host, given, dsn)
        elif not step.control:
            return arguments  # as the caller wrote it, to the letter
        arguments["timeout"] = step.timeout
        return arguments

    async def fetch(self, step: Fetch) -> Sequence[Row]:
        """Run a query, in no more than the step's time."""
        conn: Any = step.conn
        records = await conn.fetch(step.sql, timeout=step.timeout)
        return [dict(record) for record in records]

    async def close(self, conn: object) -> None:
        """Close a connection."""
        closing: Any = conn
        try:
            await closing.close(timeout=CLOSE_LIMIT)
        except (OSError, PostgresError, TimeoutError):
            closing.terminate()

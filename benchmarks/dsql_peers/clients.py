"""The two clients that are compared, and how each spells what both are told.

A worker imports this in the client's own environment: standard library only, and the
client itself when it is first needed.
"""

from __future__ import annotations

import ssl
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CLIENTS",
    "OURS",
    "PEER",
    "TYPED",
    "Client",
    "ready_asyncpg",
    "ready_psycopg",
]

OURS = "moorline"
PEER = "aurora-dsql-python-connector"
TYPED = "OCCRetryExhausted"  # the error that says that attempts are used up
DRIVERS = ("psycopg", "psycopg-binary", "psycopg-pool", "asyncpg", "botocore")
# Where to, as whom, and how long tokens live: host, port, user, perhaps ca_file,
# seconds. Without ca_file nothing is said of TLS.
At = dict[str, Any]


class Client:
    """What is asked of a client; whoever makes one says how."""

    packages: tuple[str, ...]
    mark: str  # by which it names itself at the login
    modules: tuple[str, ...]  # for psycopg, and for asyncpg
    pools: tuple[str, ...]  # what makes a pool there
    provider: str  # the name of the option

    def load(self) -> None:
        """Import all that a program imports."""
        for name in self.modules:
            import_module(name)

    def versions(self) -> dict[str, str]:
        """Tell the versions of what runs here."""
        number = import_module("psycopg.pq").version()
        libpq = f"{number // 10_000}.{number % 10_000}"
        return {name: version(name) for name in self.packages} | {"libpq": libpq}

    def connect(self, at: At) -> Any:  # noqa: ANN401 - a connection of psycopg's
        """Connect with psycopg."""
        connect = import_module(self.modules[0]).connect
        return connect(at["url"]) if "url" in at else connect(**self.psycopg(at))

    async def connect_asyncpg(self, at: At) -> Any:  # noqa: ANN401 - as above
        """Connect with asyncpg."""
        connect = import_module(self.modules[1]).connect
        asked = connect(at["url"]) if "url" in at else connect(**self.asyncpg(at))
        return await asked

    def psycopg(self, at: At) -> dict[str, Any]:
        """Return the arguments for psycopg."""
        more = {"token_duration_secs": at["seconds"]} if "seconds" in at else {}
        if "provider" in at:
            more[self.provider] = at["provider"]
        return {**for_psycopg(at), **more}

    def asyncpg(self, at: At) -> dict[str, Any]:
        """Return the arguments for asyncpg."""
        return for_asyncpg(at)

    def token(self, host: str, region: str, user: str) -> str:
        """Return what a connection is given for a password."""
        raise NotImplementedError

    def pool(self, at: At, size: int) -> Any:  # noqa: ANN401 - a pool of psycopg_pool's
        """Return a pool that is not open yet."""
        raise NotImplementedError

    def async_pool(self, at: At, size: int) -> Any:  # noqa: ANN401 - as above
        """Return an asynchronous one."""
        raise NotImplementedError

    async def asyncpg_pool(self, at: At, size: int) -> Any:  # noqa: ANN401 - asyncpg's
        """Return a pool of asyncpg's that is open."""
        module = import_module(self.modules[1])
        return await module.create_pool(
            **self.asyncpg(at), min_size=size, max_size=size
        )

    def transact(self, pool: Any, body: Callable[[Any], Any], policy: str) -> Any:  # noqa: ANN401 - the driver's
        """Run a transaction on a pool, with retries."""
        raise NotImplementedError


class Moorline(Client):
    """Ours."""

    packages = (OURS, *DRIVERS)
    mark = "moorline-dsql/"
    modules = ("moorline.dsql.psycopg", "moorline.dsql.asyncpg")
    pools = ("ConnectionPool", "create_pool")
    provider = "credentials_provider"

    def token(self, host: str, region: str, user: str) -> str:
        """Return a token, kept or new."""
        dsql = import_module("moorline.dsql")
        token: str = dsql.generate_token(host, region=region, user=user)
        return token

    def pool(self, at: At, size: int) -> Any:  # noqa: ANN401
        """Return a pool that is not open yet."""
        kind = import_module(self.modules[0]).ConnectionPool
        return kind(kwargs=self.psycopg(at), min_size=size, max_size=size, open=False)

    def async_pool(self, at: At, size: int) -> Any:  # noqa: ANN401
        """Return an asynchronous one."""
        kind = import_module(self.modules[0]).AsyncConnectionPool
        return kind(kwargs=self.psycopg(at), min_size=size, max_size=size, open=False)

    def transact(self, pool: Any, body: Callable[[Any], Any], policy: str) -> Any:  # noqa: ANN401
        """Run a transaction with the default policy, or with ``seed``."""
        dsql = import_module("moorline.dsql")
        retry = dsql.RetryPolicy.seed() if policy == "seed" else None
        return dsql.run_transaction(pool, body, retry=retry)


class Connector(Client):
    """AWS's."""

    packages = (PEER, "boto3", *DRIVERS)
    mark = "aurora-dsql-python-"
    modules = ("aurora_dsql_psycopg", "aurora_dsql_asyncpg")
    pools = ("create_pool", "create_pool")
    provider = "custom_credentials_provider"

    def token(self, host: str, region: str, user: str) -> str:
        """Return a new token, made as for each connection."""
        manager = import_module("dsql_core.token_manager").TokenManager
        told = {"host": host, "region": region, "user": user, "token_duration_secs": 60}
        token: str = manager.get_token(told)
        return token

    def pool(self, at: At, size: int) -> Any:  # noqa: ANN401
        """Return a pool that is not open yet, and repeats what was in conflict."""
        make = import_module(self.modules[0]).create_pool
        told = {"min_size": size, "max_size": size, "open": False}
        return make(kwargs=self.psycopg(at), retry=True, **told)

    def async_pool(self, at: At, size: int) -> Any:  # noqa: ANN401
        """Return an asynchronous one."""
        make = import_module(self.modules[0]).create_async_pool
        told = {"min_size": size, "max_size": size, "open": False}
        return make(kwargs=self.psycopg(at), **told)

    def transact(self, pool: Any, body: Callable[[Any], Any], policy: str) -> Any:  # noqa: ANN401
        """Run a transaction with the retries that it has when they are on."""
        assert policy == "default"
        return pool.run_transaction(body)


CLIENTS: Mapping[str, Client] = {OURS: Moorline(), PEER: Connector()}


def for_psycopg(at: At) -> dict[str, Any]:
    """Return what psycopg itself is told."""
    params = {"host": at["host"], "port": at["port"], "user": at["user"]}
    params["dbname"] = "postgres"
    if "ca_file" in at:
        params |= {"sslmode": "verify-full", "sslrootcert": at["ca_file"]}
    return params


def for_asyncpg(at: At) -> dict[str, Any]:
    """Return what asyncpg itself is told."""
    params = {"host": at["host"], "port": at["port"], "user": at["user"]}
    params["database"] = "postgres"
    if "ca_file" in at:
        params["ssl"] = _context(at["ca_file"])
    return params


_contexts: dict[str, ssl.SSLContext] = {}


def _context(ca_file: str) -> ssl.SSLContext:
    """Return one context for all connections, which is what costs least."""
    if ca_file not in _contexts:
        _contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
    return _contexts[ca_file]


def ready_psycopg(at: At, *, direct: bool) -> Any:  # noqa: ANN401 - psycopg's
    """Connect with psycopg alone, and a token that is there."""
    more = {"sslnegotiation": "direct"} if direct else {}
    connect = import_module("psycopg").connect
    return connect(**for_psycopg(at), password=at["token"], **more)


async def ready_asyncpg(at: At, *, direct: bool) -> Any:  # noqa: ANN401 - asyncpg's
    """Connect with asyncpg alone, and a token that is there."""
    connect = import_module("asyncpg").connect
    params = for_asyncpg(at)
    return await connect(**params, password=at["token"], direct_tls=direct)

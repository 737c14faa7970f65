"""A client of DSQL for tests of the lab: a presigner, and two drivers that use it.

The presigner is short and plain on purpose: it is held against the vectors that AWS
publishes, in test_dsql_token.py, and the lab's verifier is held against it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import psycopg
import pytest

if TYPE_CHECKING:
    from moorline.lab import DsqlLab

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def presign(
    host: str,
    access_key: str,
    secret_key: str,
    session_token: str | None = None,
    *,
    action: str = "DbConnectAdmin",
    region: str = "us-east-1",
    service: str = "dsql",
    expires: int | str = 900,
    now: datetime | None = None,
    **changes: str,
) -> str:
    stamp = f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    pairs = {
        "Action": action,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    if session_token is not None:
        pairs["X-Amz-Security-Token"] = session_token
    pairs |= {name.replace("_", "-"): value for name, value in changes.items()}
    query = [f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs.items()]
    nothing = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\n{'&'.join(sorted(query))}\nhost:{host}\n\nhost\n{nothing}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"{host}/?{'&'.join(query)}&X-Amz-Signature={signature}"


def token_for(lab: DsqlLab, user: str = "admin", **changes: object) -> str:
    given = {
        "host": lab.endpoint,
        "access_key": lab.access_key,
        "secret_key": lab.secret_key,
        "session_token": lab.session_token,
        "action": "DbConnectAdmin" if user == "admin" else "DbConnect",
        "region": lab.options.region,
    }
    return presign(**given | changes)


def by_psycopg(
    lab: DsqlLab, user: str = "admin", *, token: str | None = None, **params: object
) -> psycopg.Connection:
    given = {
        "host": lab.endpoint,
        "hostaddr": lab.host,
        "port": lab.port,
        "user": user,
        "dbname": "postgres",
        "password": token_for(lab, user) if token is None else token,
        "sslmode": "verify-full",
        "sslrootcert": lab.ca_file,
        "gssencmode": "disable",
        "connect_timeout": 10,
        "autocommit": True,
    }
    return psycopg.connect(**given | params)


async def by_asyncpg(
    lab: DsqlLab, user: str = "admin", *, token: str | None = None, **params: object
) -> asyncpg.Connection:
    given = {
        "host": lab.endpoint,
        "port": lab.port,
        "user": user,
        "database": "postgres",
        "password": token_for(lab, user) if token is None else token,
        "ssl": ssl.create_default_context(cafile=lab.ca_file),
    }
    sockets = _sockets()
    with lab.names():
        try:
            return await asyncpg.connect(**given | params)
        except Exception:
            await _closed_down_to(sockets)
            raise


def _sockets() -> int:
    return len(asyncio.get_running_loop()._selector.get_map())


async def _closed_down_to(sockets: int) -> None:
    """Let asyncpg's sockets close: with TLS that takes a word of the server's.

    A loop that ends before leaves them open, and Python says so at some later test.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            while _sockets() > sockets:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)


async def ask(conn: psycopg.Connection | asyncpg.Connection, sql: str) -> None:
    """Send a statement as text, by the simple protocol."""
    if isinstance(conn, psycopg.Connection):
        conn.execute(sql)
    else:
        await conn.execute(sql)


async def ask_prepared(conn: psycopg.Connection | asyncpg.Connection, sql: str) -> None:
    """Send a statement by the extended protocol, prepared by name."""
    if isinstance(conn, psycopg.Connection):
        conn.execute(sql, prepare=True)
    else:
        await (await conn.prepare(sql)).fetch()


BOTH = pytest.mark.parametrize("connect", [by_psycopg, by_asyncpg])
PROTOCOLS = pytest.mark.parametrize("send", [ask, ask_prepared])
CONFLICTS = (
    psycopg.errors.SerializationFailure,
    asyncpg.SerializationError,
)
LOST = (psycopg.OperationalError, asyncpg.PostgresConnectionError, ConnectionError)


def with_table(lab: DsqlLab) -> DsqlLab:
    """Make an empty table that both users may write."""
    lab.sql("drop table if exists t")
    lab.sql("create table t (id int primary key, v int not null)")
    lab.sql("grant all on t to admin, app")
    return lab


@asynccontextmanager
async def opened(connect, lab, user="admin"):
    if connect is by_psycopg:
        with connect(lab, user) as conn:
            yield conn
    else:
        conn = await connect(lab, user)
        try:
            yield conn
        finally:
            await conn.close(timeout=5)


async def sleep(conn):
    """Wait at the server, without holding up the loop."""
    sql = "select pg_sleep(30)"
    if isinstance(conn, psycopg.Connection):
        await asyncio.to_thread(conn.execute, sql)
    else:
        await conn.execute(sql)


async def value_of(conn, sql):
    if isinstance(conn, psycopg.Connection):
        return conn.execute(sql).fetchone()[0]
    return await conn.fetchval(sql)


async def terminate(conn):
    """Hang up at once."""
    if isinstance(conn, psycopg.Connection):
        conn.close()
    else:
        conn.terminate()


def rows(lab):
    return [(int(one), int(two)) for one, two in lab.sql("select * from t order by id")]


def said(error):
    if isinstance(error, psycopg.Error):
        return error.diag.message_primary
    return error.args[0]


DENIED = "unable to accept connection, access denied"


async def attempt(connect, lab, user="admin", **given):
    """Connect and leave again; return what the server said if it was an error."""
    try:
        if connect is by_psycopg:
            connect(lab, user, **given).close()
        else:
            await (await connect(lab, user, **given)).close()
    except asyncpg.PostgresError as error:
        hint = f" HINT: {error.hint}" if error.hint else ""
        return f"{error.sqlstate} {error.args[0]}{hint}"
    except psycopg.OperationalError as error:
        # libpq gives no SQLSTATE of a connect that failed.
        said = str(error).rpartition("FATAL:  ")[2].replace("\nHINT:  ", " HINT: ")
        return f"????? {said}"
    return ""


def same(said, code, text):
    return said in {f"????? {text}", f"{code} {text}"}

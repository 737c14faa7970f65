"""Names that are verified; with real servers in tests/yugabyte/test_tls.py."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from asyncpg.connect_utils import SSLMode

from moorline.drivers.asyncpg_tls import verified_as

NAME = "node1.lab"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    """Keep the files and variables of whoever runs this out of it."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority


async def handshake(given, authority, *names):
    """Connect to 127.0.0.1 as asyncpg does; the server is called `names`."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(server_context)
    asked = []
    server_context.sni_callback = lambda _, name, __: asked.append(name)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server_context
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        try:
            secured = await loop.start_tls(
                transport, asyncio.Protocol(), given, server_hostname="127.0.0.1"
            )
            secured.abort()
        finally:
            transport.abort()
    return asked


@pytest.mark.parametrize("how", ["context", "dsn", "argument", "enum", "environment"])
async def test_the_name_is_verified_where_the_address_is_dialled(
    authority, tmp_path, monkeypatch, how
):
    roots = tmp_path / "ca.pem"
    dsn = f"postgresql://h/d?sslrootcert={roots}"
    given = None
    if how == "context":
        given = ssl.create_default_context(cafile=roots)
    elif how == "dsn":
        dsn += "&sslmode=verify-full"
    elif how == "argument":
        given = "verify-full"
    elif how == "enum":
        given = SSLMode.verify_full
    else:
        monkeypatch.setenv("PGSSLMODE", "verify-full")
        monkeypatch.setenv("PGSSLROOTCERT", str(roots))
        dsn = "postgresql://h/d"

    context = verified_as(NAME, given, dsn)

    assert await handshake(context, authority, NAME) == [NAME]
    with pytest.raises(ssl.SSLCertVerificationError, match=NAME):
        await handshake(context, authority, "127.0.0.1", "other.lab")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(context, trustme.CA(), NAME)


async def test_a_context_of_the_users_is_not_changed(authority, tmp_path):
    given = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    verified_as(NAME, given, "")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        await handshake(given, authority, NAME)


@pytest.mark.parametrize("given", ["verify-ca", "require", "disable", False, None])
def test_where_no_name_is_verified_nothing_changes(given):
    assert verified_as(NAME, given, "postgresql://h/d") is given


def test_true_means_the_systems_authorities():
    context = verified_as(NAME, given=True, dsn="")
    assert isinstance(context, ssl.SSLContext)


def test_a_missing_file_is_said():
    with pytest.raises(FileNotFoundError):
        verified_as(NAME, "verify-full", "")


async def test_the_files_are_those_that_asyncpg_takes(authority, tmp_path):
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "root.crt"))
    mine = authority.issue_cert("me")
    mine.cert_chain_pems[0].write_to_path(str(folder / "postgresql.crt"))
    mine.private_key_pem.write_to_path(str(folder / "postgresql.key"))
    dsn = "postgresql://h/d?sslmode=verify-full&ssl_min_protocol_version=TLSv1.3"

    context = verified_as(NAME, None, dsn)

    assert await handshake(context, authority, NAME) == [NAME]

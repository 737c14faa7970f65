"""Run the server behind the front: one PostgreSQL that only the front can reach."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from moorline.lab import setup, tls
from moorline.lab.custody import Custody
from moorline.lab.dsql_identity import DATABASE
from moorline.lab.options import Options
from moorline.lab.template import ADMIN
from moorline.lab.wire import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.lab.dsql_options import DsqlOptions
    from moorline.lab.wire import Record

__all__ = ["Backend"]

_CERTIFICATE = "dsql"
_EMPTY = "empty"
_CLIENTS = (
    "from pg_stat_activity where backend_type = 'client backend'"
    f" and usename <> '{ADMIN}'"
)
_OWN = 4  # connections: three that PostgreSQL keeps for superusers, and the lab's


class Backend:
    """The server, its files, and the certificate of the front.

    Raises LabError if it does not start, and leaves nothing then.

    Args:
        options: What the server is to be like.
        certified: What the certificate is valid for, unless the options say more.
    """

    def __init__(self, options: DsqlOptions, certified: Sequence[str]) -> None:
        with contextlib.ExitStack() as undo:
            custody = Custody()
            undo.callback(custody.close)
            cluster = setup.build(_options(options), custody)
            (server,) = cluster.servers
            undo.callback(server.disconnect)
            self._directory = cluster.directory
            self.socket = f"{server.node.socket_dir}/.s.PGSQL.{server.node.port}"
            self._session = Session(Path(self.socket), user=ADMIN, database=DATABASE)
            undo.callback(self._session.close)
            self._make_roles(options.users)
            names = tuple(options.certificate_names or certified)
            wanted = tls.Wanted(_CERTIFICATE, names, options.expired_certificate)
            tls.issue(self._directory, [wanted], custody.account)
            (self._directory / _EMPTY).touch(0o644)
            self._undo = undo.pop_all()

    @property
    def empty_file(self) -> str:
        """The path of a file with nothing in it."""
        return self.file(_EMPTY)

    def file(self, name: str) -> str:
        """Return the path of a public file."""
        return str(self._directory / name)

    def context(self) -> ssl.SSLContext:
        """Return what the front needs for TLS."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(
            tls.certificate(self._directory, _CERTIFICATE),
            tls.key(self._directory, _CERTIFICATE),
        )
        made.set_alpn_protocols(["postgresql"])
        return made

    def query(self, sql: str) -> list[Record]:
        """Run SQL as superuser in the database of the clients; values as text."""
        return self._session.query(sql)

    def end_sessions(self) -> None:
        """End what clients left at the server, and wait for it."""
        self.query(f"select pg_terminate_backend(pid, 5000) {_CLIENTS}")

    def close(self) -> None:
        """End the server, and remove all files. Again is no error."""
        self._undo.close()

    def _make_roles(self, users: Sequence[str]) -> None:
        for user in users:
            rights = " createrole" if user == "admin" else ""
            self.query(f"create role {_quoted(user)} login{rights}")
        # As at DSQL: admin owns the one database, the others may do nothing in the
        # schema public, and nobody is a superuser.
        self.query(f"alter database {DATABASE} owner to admin")
        self.query("revoke create on schema public from public")
        self.query("grant all on schema public to admin")
        self.query("set lock_timeout = 0")  # for the lab's own session


def _options(options: DsqlOptions) -> Options:
    return Options(
        nodes=1,
        addresses=["127.0.0.1"],
        columns=0,
        binaries=options.binaries,
        max_connections=options.max_connections + _OWN,
        templates=options.templates,
        settings={
            "listen_addresses": "",  # the front comes by the Unix socket
            "default_transaction_isolation": "repeatable read",
            "lock_timeout": options.lock_timeout_ms,
        },
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""The lab for Aurora DSQL: a stand-in for a cluster that verifies for real."""

from __future__ import annotations

import secrets
import string
import threading
from typing import TYPE_CHECKING, Self, Unpack

from moorline.lab import tls
from moorline.lab.dsql_armed import Armed
from moorline.lab.dsql_identity import Identity
from moorline.lab.dsql_keys import Keyring
from moorline.lab.dsql_names import resolving
from moorline.lab.dsql_options import DsqlOptions
from moorline.lab.dsql_records import Records
from moorline.lab.dsql_running import Running
from moorline.lab.dsql_token import sign
from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from moorline.lab.dsql_endpoint import CredentialsEndpoint
    from moorline.lab.dsql_faults import Faults
    from moorline.lab.dsql_keys import Credentials
    from moorline.lab.dsql_options import DsqlOptionsDict
    from moorline.lab.dsql_records import Login, Transactions
    from moorline.lab.wire import Record

__all__ = ["DsqlLab"]


class DsqlLab:
    """A PostgreSQL server behind a front that speaks and verifies as Aurora DSQL does.

    ::

        with DsqlLab() as lab, lab.names():
            psycopg.connect(
                host=lab.endpoint, port=lab.port, user="admin", dbname="postgres",
                password=lab.token("admin"),
                sslmode="verify-full", sslrootcert=lab.ca_file,
            )

    What is real: TLS, the name that it needs, the signature of the token and all that
    it says, PostgreSQL's transactions at REPEATABLE READ. What is imitated: the texts
    of the service, conflicts between transactions (without the wait, but at the
    statement instead of at COMMIT), and the `faults`. What is missing: limits of rows,
    sizes and durations, the rules for DDL, everything that DSQL lacks of PostgreSQL.

    The options are those of `DsqlOptions`. Ready in half a second. Nothing stays
    behind, as with `YugabyteLab`. All methods are thread-safe. The lab belongs to the
    process that opened it; children of ``os.fork`` may connect to it, and no more.
    """

    def __init__(self, **options: Unpack[DsqlOptionsDict]) -> None:
        """Check the options; nothing is started before `open`.

        Raises LabError for options that cannot be.
        """
        self.options = DsqlOptions(**options)
        self._identity = Identity(
            self.options.cluster_id or _random_id(),
            self.options.region,
            self.options.check_parameters,
        )
        self._armed = Armed()
        self._records = Records()
        self._keyring = Keyring()
        self._own = self.add_credentials()
        self._lock = threading.RLock()
        self._running: Running | None = None

    def open(self) -> Self:
        """Start the server and the front.

        Raises LabError if there is no PostgreSQL to run or no trustme, OSError if the
        port asked for is taken.
        """
        with self._lock:
            if self._running is not None:
                raise LabError("the lab is open already")
            self._running = Running(
                self.options, self._identity, self._keyring, self._armed, self._records
            )
        return self

    def close(self) -> None:
        """End all processes and connections, remove all files. Again is no error."""
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.close()

    def __enter__(self) -> Self:
        """Open the lab."""
        return self.open()

    def __exit__(self, *_: object) -> None:
        """Close the lab."""
        self.close()

    def reset(self) -> None:
        """Begin anew, with the same name, certificate and data.

        Ends all sessions and waits for it, undoes the faults, forgets what was
        recorded, and all credentials but the first ones; endpoints for them close.
        """
        self._here.end_sessions()
        self._records.reset()
        self._keyring.forget_all_but(self._own)

    # How to reach it

    @property
    def cluster_id(self) -> str:
        """The 26 characters with which the endpoint begins."""
        return self._identity.cluster_id

    @property
    def endpoint(self) -> str:
        """The name of the cluster: ``<id>.dsql.<region>.on.aws``."""
        return self._identity.endpoint

    @property
    def private_endpoint(self) -> str:
        """Its name by PrivateLink, for which tokens are signed as well."""
        return self._identity.private_endpoint

    @property
    def vpc_endpoint(self) -> str:
        """A name by PrivateLink of any cluster: with the option ``amzn-cluster-id``.

        The certificate is not valid for it, and tokens are signed for `endpoint`.
        """
        return self._identity.vpc_endpoint

    @property
    def host(self) -> str:
        """The address on which it really listens."""
        return str(self._here.front.address[0])

    @property
    def port(self) -> int:
        """The port on which it really listens."""
        return int(self._here.front.address[1])

    @property
    def ca_file(self) -> str:
        """The PEM file of the authority that signed the certificate."""
        return self._here.backend.file(tls.CA_FILE)

    @property
    def other_ca_file(self) -> str:
        """The PEM file of an authority that did not."""
        return self._here.backend.file(tls.OTHER_CA_FILE)

    def names(self, *more: str) -> AbstractContextManager[None]:
        """Let the names of the cluster, and more of them, lead to `host`.

        For programs that ask Python's ``socket.getaddrinfo``, in this process and
        while the context lasts: asyncio, asyncpg, psycopg from 3.3. The port remains
        to be told.
        """
        own = (self.endpoint, self.private_endpoint, self.vpc_endpoint)
        return resolving({*own, *more}, self.host)

    # Credentials

    @property
    def access_key(self) -> str:
        """The access key of the lab's first credentials, which are temporary ones."""
        return self._own.access_key

    @property
    def secret_key(self) -> str:
        """The secret that belongs to it."""
        return self._own.secret_key

    @property
    def session_token(self) -> str:
        """The session token that belongs to it."""
        return self._own.session_token or ""

    def add_credentials(
        self,
        *,
        users: Iterable[str] | None = None,
        lifetime: float | None = None,
        session_token: bool = True,
    ) -> Credentials:
        """Make further credentials.

        Args:
            users: For whom they may connect; by default for all.
            lifetime: Seconds until they expire, and every token that they signed.
            session_token: Whether they are temporary ones, with a session token.
        """
        return self._keyring.make(
            self.options.users if users is None else users,
            lifetime=lifetime,
            session_token=session_token,
        )

    def token(
        self,
        user: str = "admin",
        *,
        host: str | None = None,
        expires: int = 900,
        credentials: Credentials | None = None,
    ) -> str:
        """Return a token for a user, for tests that have none of their own.

        Args:
            user: admin, or another name.
            host: The name to be used, by default `endpoint`.
            expires: Seconds for which it is good.
            credentials: What to sign it with, by default the lab's first ones.
        """
        return sign(
            credentials or self._own,
            host=host or self.endpoint,
            region=self.options.region,
            user=user,
            expires=expires,
        )

    def environment(self, credentials: Credentials | None = None) -> dict[str, str]:
        """Return variables that give AWS's libraries credentials and nothing else.

        They win over configuration files, metadata services and the like, but not
        over AWS_PROFILE, which must not be set.
        """
        chosen = credentials or self._own
        own = {
            "AWS_ACCESS_KEY_ID": chosen.access_key,
            "AWS_SECRET_ACCESS_KEY": chosen.secret_key,
        }
        if chosen.session_token is not None:
            own["AWS_SESSION_TOKEN"] = chosen.session_token
        return own | self._surroundings()

    def credentials_endpoint(
        self, *, delay: float = 0.0, lifetime: float = 3600.0
    ) -> CredentialsEndpoint:
        """Open an endpoint of a container's credentials, as a context or until `close`.

        Args:
            delay: Seconds until a request is answered.
            lifetime: Seconds until what is handed out expires.
        """
        return self._here.open_endpoint(
            lambda seconds: self.add_credentials(lifetime=seconds),
            self._surroundings(),
            delay=delay,
            lifetime=lifetime,
        )

    # What it saw, and what it does

    @property
    def faults(self) -> Faults:
        """What can go wrong."""
        return self._here.faults

    @property
    def logins(self) -> tuple[Login, ...]:
        """What clients presented, and what became of it; oldest first."""
        return self._records.logins

    @property
    def accepted(self) -> int:
        """How many logins were accepted."""
        return sum(login.accepted for login in self.logins)

    @property
    def refused(self) -> int:
        """How many were not."""
        return sum(not login.accepted for login in self.logins)

    @property
    def plain_bytes(self) -> tuple[bytes, ...]:
        """What clients sent without TLS: one entry for each connection, 64 KiB at most.

        ``bytes.fromhex("0000000804d2162f")``, the request for TLS, is all that a
        client should; with direct TLS there is nothing.
        """
        return self._records.clear

    @property
    def transactions(self) -> Transactions:
        """How many commits, conflicts and cuts there were."""
        return self._records.transactions

    @property
    def connections(self) -> int:
        """How many sessions are open."""
        return self._here.front.sessions

    def wait_connections(self, count: int, timeout: float = 5.0) -> None:
        """Wait until so many sessions are open.

        Raises AssertionError with how many are after ``timeout`` seconds.
        """
        if not self._records.wait(lambda: self.connections == count, timeout):
            raise AssertionError(f"{self.connections} sessions are open, not {count}")

    def wait_logins(self, count: int, timeout: float = 5.0) -> None:
        """Wait until there were so many logins.

        Raises AssertionError with how many there were after ``timeout`` seconds.
        """
        if not self._records.wait(lambda: len(self.logins) >= count, timeout):
            raise AssertionError(f"{len(self.logins)} logins, not {count}")

    def sql(self, query: str) -> list[Record]:
        """Run SQL as superuser at the server, past the front; values come as text.

        Raises LabError with the server's answer.
        """
        return self._here.backend.query(query)

    @property
    def _here(self) -> Running:
        if self._running is None:
            raise LabError(
                "the lab is not open: use it as a context manager, or call open()"
            )
        return self._running

    def _surroundings(self) -> dict[str, str]:
        empty = self._here.backend.empty_file
        return {
            "AWS_REGION": self.options.region,
            "AWS_DEFAULT_REGION": self.options.region,
            "AWS_CONFIG_FILE": empty,
            "AWS_SHARED_CREDENTIALS_FILE": empty,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _random_id() -> str:
    alphabet = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(26))

"""Receive a client: encryption, parameters, the token, and what speaks against it."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from moorline.lab import dsql_token
from moorline.lab.dsql_channel import Tls
from moorline.lab.dsql_identity import CLUSTER_ID, DATABASE
from moorline.lab.dsql_records import Login
from moorline.lab.dsql_refusals import (
    DENIED,
    FAULTS,
    NO_SNI,
    NO_TLS,
    no_database,
    unsupported,
)
from moorline.lab.dsql_sql import unlisted
from moorline.lab.dsql_token import DeniedError
from moorline.lab.dsql_wire import (
    CANCEL,
    GSS_REQUEST,
    PASSWORD_REQUEST,
    SSL_REQUEST,
    read_startup,
)

if TYPE_CHECKING:
    import ssl

    from moorline.lab.dsql_armed import Armed
    from moorline.lab.dsql_channel import Channel
    from moorline.lab.dsql_identity import Identity
    from moorline.lab.dsql_keys import Keyring
    from moorline.lab.dsql_records import Records
    from moorline.lab.dsql_wire import (
        Failure,
        Startup,
    )

__all__ = ["Reception"]

_HANDSHAKE = 0x16  # the first byte of TLS
_LONGEST = 64 * 1024  # bytes of a startup or password message


class _RefusedError(Exception):
    """A client is not let in; `failure` is what it hears."""

    def __init__(self, reason: str, failure: Failure) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure


class Reception:
    """Decide who is let in. To be used in one event loop."""

    def __init__(
        self,
        identity: Identity,
        keyring: Keyring,
        armed: Armed,
        records: Records,
        context: ssl.SSLContext,
    ) -> None:
        self.identity = identity
        self.keyring = keyring
        self.armed = armed
        self.records = records
        self._context = context
        self._asked: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        context.sni_callback = self._hear_name

    async def receive(self, client: Channel) -> Startup | None:
        """Return what was asked for, None if that was refused.

        Raises OSError if the connection is lost on the way.
        """
        visit = _Visit(self, client)
        given = await visit.greet()
        if given.code == CANCEL:
            return given
        try:
            await visit.check(given)
        except _RefusedError as refused:
            hint = refused.failure.hint
            self.records.login(replace(visit.login, reason=refused.reason, hint=hint))
            await client.write(bytes(refused.failure))
            return None
        self.records.login(replace(visit.login, accepted=True))
        return given

    async def encrypt(self, client: Channel) -> str | None:
        """Shake hands; return the name that the client asked for."""
        tls = Tls(self._context)
        await client.start_tls(tls)
        return self._asked.pop(tls.session, None)

    def _hear_name(self, session: object, name: str | None, _: ssl.SSLContext) -> None:
        if name is not None:
            self._asked[session] = name.lower()


class _Visit:
    """One client at the reception; `login` is what is known of it so far."""

    def __init__(self, at: Reception, client: Channel) -> None:
        self.login = Login()
        self._at = at
        self._client = client
        self._declined = False  # encryption, by a fault

    async def greet(self) -> Startup:
        """Agree on encryption; return what is asked for."""
        if await self._client.peek() == _HANDSHAKE:
            if self._at.armed.take("tls"):
                raise ConnectionAbortedError("TLS? What is that?")
            await self._encrypt(direct=True)
        while True:
            length, code = struct.unpack("!II", await self._client.exactly(8))
            if not 8 <= length <= _LONGEST:  # noqa: PLR2004 - these two words
                raise ConnectionAbortedError("this is no startup message")
            body = await self._client.exactly(length - 8)
            if code == GSS_REQUEST:
                await self._client.write(b"N")
            elif code != SSL_REQUEST:
                return read_startup(code, body)
            elif self.login.tls:
                raise ConnectionAbortedError("TLS in TLS")
            elif self._at.armed.take("tls"):
                self._declined = True
                await self._client.write(b"N")
            else:
                await self._client.write(b"S")
                await self._encrypt(direct=False)

    async def check(self, given: Startup) -> None:
        """Return if the client may come in, else raise _RefusedError."""
        others = dict(given.parameters)
        self.login = replace(
            self.login,
            user=others.pop("user", ""),
            database=others.pop("database", DATABASE),
            application_name=others.pop("application_name", ""),
            parameters=others,
        )
        if not self.login.tls and not self._declined:
            raise _RefusedError("no TLS", NO_TLS)
        host = self._host(given) if self.login.tls else ""
        password = await self._password()
        if not self.login.tls:
            # So would an impostor: decline, ask for the token, and go.
            raise _RefusedError("no TLS", DENIED)
        try:
            token = self._verify(password, host)
        except DeniedError as denied:
            refusal = replace(DENIED, hint=denied.hint)
            raise _RefusedError(denied.reason, refusal) from None
        self.login = replace(self.login, verified=True)
        self._obey_faults(token)
        if self.login.database != DATABASE:
            raise _RefusedError("database", no_database(self.login.database))
        parameter = unlisted(given)
        if parameter is not None and self._at.identity.check_parameters:
            raise _RefusedError("parameter", unsupported(parameter, "FATAL"))

    async def _encrypt(self, *, direct: bool) -> None:
        sni = await self._at.encrypt(self._client)
        self.login = replace(self.login, sni=sni, tls=True, direct_tls=direct)

    def _host(self, given: Startup) -> str:
        """Return the host for which the token must be."""
        ours, sni = self._at.identity, self.login.sni
        if sni in {ours.endpoint, ours.private_endpoint}:
            return sni
        named = given.options.get(CLUSTER_ID)
        if named is None:
            raise _RefusedError("sni", NO_SNI if sni is None else DENIED)
        if named != ours.cluster_id:
            raise _RefusedError("cluster id", DENIED)
        return ours.endpoint

    async def _password(self) -> str:
        await self._client.write(PASSWORD_REQUEST)
        letter, length = struct.unpack("!cI", await self._client.exactly(5))
        if letter != b"p" or not 4 <= length <= _LONGEST:  # noqa: PLR2004 - the length
            raise ConnectionAbortedError("this is no password message")
        said = await self._client.exactly(length - 4)
        return said.rstrip(b"\0").decode(errors="replace")

    def _verify(self, password: str, host: str) -> dsql_token.Token:
        token = dsql_token.parse(password)
        self.login = replace(
            self.login,
            token=token.fingerprint,
            token_host=token.host,
            access_key=token.access_key,
            action=token.action,
            expires=token.expires,
        )
        dsql_token.verify(
            token,
            host=host,
            region=self._at.identity.region,
            user=self.login.user,
            find=self._at.keyring.find,
            now=self._at.armed.now(),
        )
        return token

    def _obey_faults(self, token: dsql_token.Token) -> None:
        fault = self._at.armed.take("login")
        if fault is None and self._at.armed.is_too_fast():
            fault = "rate"
        if fault is not None:
            failure = FAULTS[fault]
            if fault == "expired":
                failure = replace(failure, hint=dsql_token.expired(token))
            raise _RefusedError(fault, failure)

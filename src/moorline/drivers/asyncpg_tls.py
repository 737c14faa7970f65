"""Verifying a node by its name when asyncpg dials its address.

asyncpg checks a certificate against the host that it dials. Where a node is listed by
name and reached at an address, the name is what counts, as with libpq's ``host`` and
``hostaddr``.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["verified_as"]


class _Named(ssl.SSLContext):
    """A context that checks one name, whatever host was dialled."""

    _context: ssl.SSLContext
    _name: str

    @classmethod
    def of(cls, context: ssl.SSLContext, name: str) -> Self:
        """Return a context that does what `context` does, for one name."""
        named = cls(ssl.PROTOCOL_TLS_CLIENT)
        named._context, named._name = context, name
        return named

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the base's signature
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - the point of it
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return self._context.wrap_bio(
            incoming, outgoing, server_side, self._name, session
        )


def verified_as(name: str, given: object, dsn: str) -> object:
    """Return what to give asyncpg as ``ssl`` so that it verifies `name`.

    Args:
        name: The host as listed.
        given: What the caller gave as ``ssl``.
        dsn: The caller's DSN, whose ``ssl…`` parameters count as well.
    """
    params = dict(parse_qsl(urlsplit(dsn).query))
    mode = given
    if mode is None:
        mode = params.get("sslmode") or os.environ.get("PGSSLMODE")
    if isinstance(mode, ssl.SSLContext):
        return _Named.of(mode, name)
    if mode is True:
        return _Named.of(ssl.create_default_context(), name)
    # An enumeration of asyncpg's, or text.
    if str(getattr(mode, "name", mode)).replace("_", "-") != "verify-full":
        return given  # no name is checked
    return _Named.of(_verifying(params), name)


def _verifying(params: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context that asyncpg makes for ``sslmode=verify-full``."""

    def param(name: str, file: str = "") -> str:
        said = params.get(name) or os.environ.get(f"PG{name.upper()}")
        default = Path.home() / ".postgresql" / file
        return said or (str(default) if file and default.exists() else "")

    roots = param("sslrootcert") or str(Path.home() / ".postgresql" / "root.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=roots)
    if revoked := param("sslcrl", "root.crl"):
        context.load_verify_locations(cafile=revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if certificate := param("sslcert", "postgresql.crt"):
        key = param("sslkey", "postgresql.key") or None
        context.load_cert_chain(certificate, key, params.get("sslpassword", ""))
    for limit in ("minimum", "maximum"):
        version = param(f"ssl_{limit[:3]}_protocol_version")
        if version:
            setattr(context, f"{limit}_version", _VERSIONS[version])
    return context


_VERSIONS: Mapping[str, Any] = {
    f"TLSv1.{number}": getattr(ssl.TLSVersion, f"TLSv1_{number}") for number in (2, 3)
}

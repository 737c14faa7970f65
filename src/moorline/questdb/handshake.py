"""Judge a server within the handshake, for blocking sockets and for asyncio alike.

Two things are added to what OpenSSL does, where nobody who uses a context can forget
them, and before a byte can be sent:

- A common name counts where the certificate itself is one of those in ``tls_roots``, as
  is what ``openssl req -x509 -subj /CN=localhost`` makes. If an authority signed it, a
  certificate without a name in its subjectAltName is refused, as RFC 9525 demands.
- A refusal carries the certificates that were refused, so that errors can tell of them.
"""

from __future__ import annotations

import ssl
from errno import ECONNRESET
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from moorline.questdb.certificates import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["Context", "RefusedError", "may_be_named_by"]

HOSTNAME_MISMATCH = 62  # X509_V_ERR_HOSTNAME_MISMATCH
DER = 2  # how OpenSSL calls this format


class RefusedError(ssl.SSLCertVerificationError):
    """The server's certificate was refused.

    Attributes:
        chain: What the server presented, its own certificate first, each in DER; empty
            if this version of OpenSSL does not tell.
    """

    chain: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, code: int, message: str, chain: tuple[bytes, ...]) -> RefusedError:
        """Return the error for a code of OpenSSL's and its text."""
        error = cls(ssl.SSL_ERROR_SSL, f"certificate verify failed: {message}")
        error.verify_code, error.verify_message = code, message
        error.chain = chain
        return error


def may_be_named_by(leaf: bytes, host: str, pinned: frozenset[bytes]) -> bool:
    """Tell whether it is in order that OpenSSL found the host in a certificate.

    It takes the common name where there is no other name, whoever signed it.

    Args:
        leaf: The server's certificate, in DER.
        host: The host that OpenSSL found.
        pinned: The certificates whose common name counts.
    """
    if leaf in pinned or _is_address(host):  # addresses are looked for in SAN only
        return True
    try:
        return bool(parse(leaf).names)
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Context(ssl.SSLContext):
    """A context for clients whose handshakes are judged here as well.

    Attributes:
        pinned: The certificates whose common name counts. Where there are any,
            ``hostname_checks_common_name`` may be on.
    """

    pinned: frozenset[bytes]

    @classmethod
    def new(cls) -> Self:
        """Return a context that trusts nobody yet."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class, context.sslobject_class = _Socket, _Object
        context.hostname_checks_common_name = False
        context.pinned = frozenset()
        return context


class _Socket(ssl.SSLSocket):
    def getpeername(self) -> Any:  # noqa: ANN401 - the base's
        try:
            return super().getpeername()
        except OSError:
            if hasattr(self, "_connected"):
                raise
            # It is being made, of a connection that was reset just now: CPython 3.11
            # would look for what there is to read, and leave it open when that fails.
            self.close()
            told = "the connection was reset before TLS began"
            raise ConnectionResetError(ECONNRESET, told) from None

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base's
        _judge(self, lambda: super(_Socket, self).do_handshake(block))


class _Object(ssl.SSLObject):
    def do_handshake(self) -> None:
        _judge(self, super().do_handshake)


def _judge(side: _Socket | _Object, do_handshake: Callable[[], None]) -> None:
    """Shake hands; refuse what OpenSSL takes and we do not."""
    try:
        do_handshake()
    except ssl.SSLCertVerificationError as error:
        code, message = error.verify_code, error.verify_message
        raise RefusedError.of(code, message, _presented(side)) from None
    context, host = side.context, side.server_hostname
    if not isinstance(context, Context) or not context.hostname_checks_common_name:
        return
    leaf = side.getpeercert(binary_form=True) or b""
    if not may_be_named_by(leaf, str(host), context.pinned):
        message = f"Hostname mismatch, certificate is not valid for {str(host)!r}."
        raise RefusedError.of(HOSTNAME_MISMATCH, message, (leaf,))


def _presented(handshake: _Socket | _Object) -> tuple[bytes, ...]:
    """Return what the server presented, if it can be had.

    Python 3.13 made it public; before, the same is there without a promise.
    """
    side: Any = handshake
    try:
        if hasattr(side, "get_unverified_chain"):
            return tuple(side.get_unverified_chain())
        chain = side._sslobj.get_unverified_chain() or ()  # noqa: SLF001 - as above
        return tuple(one.public_bytes(DER) for one in chain)
    except (AttributeError, TypeError, ValueError, ssl.SSLError):
        return ()

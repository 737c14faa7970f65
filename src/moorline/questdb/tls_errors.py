"""What to tell a user whose TLS connection failed: the cause, and the cure.

Everything here is a function of what is known by then: the error, the certificates that
the server presented, the options, the clock. Nothing is asked of the server again.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from moorline import errors
from moorline.net.http import Stage
from moorline.questdb.certificates import parse
from moorline.questdb.handshake import RefusedError
from moorline.questdb.tls_refusals import Finding, Peer, described, refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from moorline.core.address import Address
    from moorline.net.http import ExchangeError
    from moorline.questdb.certificates import Certificate
    from moorline.questdb.settings import Settings

__all__ = [
    "TlsError",
    "answered_in_tls",
    "closed_without_answer",
    "of_exchange",
    "speaks_tls",
    "translate",
]

# Reasons of OpenSSL's, as `ssl.SSLError.reason` gives them.
NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "WRONG_VERSION_NUMBER",
    }
)
NO_VERSION = frozenset(
    {"NO_PROTOCOLS_AVAILABLE", "TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"}
)
CLIENT_REFUSED = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)
NO_AGREEMENT = "SSLV3_ALERT_HANDSHAKE_FAILURE"
NO_SUCH_NAME = "TLSV1_UNRECOGNIZED_NAME"
UNEXPECTED_END = "UNEXPECTED_EOF_WHILE_READING"
PLAIN = {"https": "http", "tcps": "tcp"}
SPEAKS = {"https": "HTTP", "tcps": "ILP"}
# The first byte of a record of TLS, an alert or a handshake, and what follows it.
RECORDS = (b"\x15\x03", b"\x16\x03")


class TlsError(errors.TlsError, ssl.SSLError):
    """There is no TLS connection to the server, or none that may be trusted."""


def translate(
    error: Exception,
    address: Address,
    settings: Settings,
    *,
    now: datetime,
    trusted: tuple[Certificate, ...] = (),
) -> TlsError:
    """Return the error for what went wrong while TLS was being set up.

    Args:
        error: What was raised: by `ssl`, by the connection, or a `TimeoutError`.
        address: Which server.
        settings: What the options say; with TLS.
        now: What the clock says, in UTC.
        trusted: The certificates in ``tls_roots``, if it is used.
    """
    peer = Peer(address, settings, trusted, now)
    chain = _read(error.chain) if isinstance(error, RefusedError) else ()
    if isinstance(error, ssl.SSLCertVerificationError):
        found = refused(error.verify_code, str(error.verify_message), chain, peer)
    else:
        found = _failed(error, peer)
    lines = [f"{peer.url}: {found.wrong}"]
    if chain:
        lines.append(f"It presented {described(chain[0])}.")
    lines.append(found.cure)
    return TlsError("\n".join(lines), kind=found.kind, passing=found.passing)


def _read(chain: Iterable[bytes]) -> tuple[Certificate, ...]:
    try:
        return tuple(map(parse, chain))
    except ValueError:  # OpenSSL can read what this reader cannot
        return ()


def _failed(error: Exception, peer: Peer) -> Finding:
    """Say why there was no handshake."""
    reason = str(getattr(error, "reason", None) or "")
    if isinstance(error, ConnectionRefusedError):
        return Finding(
            "refused-connection",
            "nobody listens there, or a firewall refuses.",
            "Is the server up, and is the port right? It is 9000 for HTTP and 9009 for "
            "TCP, with TLS and without.",
            passing=True,
        )
    if isinstance(error, TimeoutError):
        return _silent(peer)
    if reason == UNEXPECTED_END or _is_end(error):
        return _broken_off(peer)
    if reason in CLIENT_REFUSED or reason in {NO_AGREEMENT, NO_SUCH_NAME}:
        return _turned_down(reason, peer)
    return _no_common_language(error, reason, peer)


def _is_end(error: Exception) -> bool:
    if isinstance(error, ssl.SSLError):
        return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return isinstance(error, ConnectionError)


def _silent(peer: Peer) -> Finding:
    protocol = peer.settings.protocol
    return Finding(
        "silent",
        "the server took the connection, and did not answer in TLS in time.",
        f"Is it overloaded, or does it wait for plain {SPEAKS[protocol]}? "
        + _SWITCH_ON.format(PLAIN[protocol]),
        passing=True,
    )


def _broken_off(peer: Peer) -> Finding:
    protocol = peer.settings.protocol
    return Finding(
        "broken-off",
        "the server closed the connection before there was TLS.",
        f"Does it speak plain {SPEAKS[protocol]}? "
        + _SWITCH_ON.format(PLAIN[protocol]),
        passing=True,
    )


def _no_common_language(error: Exception, reason: str, peer: Peer) -> Finding:
    protocol, tls = peer.settings.protocol, peer.settings.tls
    if reason in NO_TLS:
        return Finding(
            "plain-server",
            f"the server answers, but not in TLS: it speaks plain {SPEAKS[protocol]}, "
            "or something else.",
            _SWITCH_ON.format(PLAIN[protocol]),
        )
    if reason in NO_VERSION and tls is not None:
        return Finding(
            "version",
            "the server speaks no version of TLS that is allowed here: tls_min_version "
            f"is {tls.min_version}.",
            "Let the server speak TLS 1.2 or 1.3, or lower tls_min_version to 1.2.",
        )
    return Finding(
        "failed",
        f"TLS failed: {reason or error}.",
        f"See what the server says: openssl s_client -connect {peer.address}",
    )


_SWITCH_ON = (
    "If it has no TLS, switch it on in its configuration, put a proxy with TLS before "
    "it, or write {} instead, which sends credentials and rows in the clear."
)


def _turned_down(reason: str, peer: Peer) -> Finding:
    """Say why the server may have ended the handshake."""
    if reason == NO_SUCH_NAME:
        host = peer.address.host
        return Finding(
            "wrong-host",
            f"the server says that it has no certificate for {host}.",
            "Connect by the name that it is known by.",
        )
    tls = peer.settings.tls
    own = tls.client_cert if tls else ""
    if reason == NO_AGREEMENT and own:
        return Finding(
            "no-agreement",
            "the server found nothing in common: versions, ciphers, or the kind of "
            f"certificate in tls_client_cert={own!r}.",
            f"See what it says: openssl s_client -connect {peer.address} -cert {own}",
        )
    if not own:
        return Finding(
            "client-certificate",
            "the server wants a certificate of this client, or found nothing in common "
            f"({reason}).",
            "Give one: tls_client_cert=<file> and tls_client_key=<file>.",
        )
    return Finding(
        "client-certificate",
        f"the server does not take the certificate in tls_client_cert={own!r}: "
        f"{reason.rpartition('ALERT_')[2].replace('_', ' ').lower()}.",
        "Is it by an authority that the server trusts, with its intermediates, and for "
        "clients?",
    )


def speaks_tls(first: bytes) -> bool:
    """Tell whether a server's first bytes, 2 or more, are a record of TLS."""
    return first.startswith(RECORDS)


def answered_in_tls(address: Address, protocol: str) -> TlsError:
    """Return the error for a server that answers plain HTTP or ILP in TLS."""
    return TlsError(
        f"{protocol}://{address}: the server speaks TLS here.\n"
        f"Write {protocol}s instead of {protocol}.",
        kind="tls-server",
    )


def closed_without_answer(address: Address, protocol: str) -> TlsError:
    """Return the error for a server that said nothing to plain HTTP or ILP and left.

    So do many that speak TLS, and all that are just being stopped.
    """
    return TlsError(
        f"{protocol}://{address}: the server closed the connection without an answer.\n"
        f"If it goes on, it may speak TLS here: write {protocol}s instead.",
        kind="tls-server-perhaps",
        passing=True,
    )


def of_exchange(
    error: ExchangeError, address: Address, protocol: str
) -> TlsError | None:
    """Return the error for plain HTTP that brought no answer, if TLS may be why.

    Args:
        error: What became of the exchange.
        address: Which server.
        protocol: ``http``; for ``https`` there is none.

    Returns:
        The error. It is passing where the server just closed the connection, which may
        be for another reason: that the next try is worth while. `None`: another cause.
    """
    if protocol in PLAIN or error.stage == Stage.CONNECT:
        return None
    if speaks_tls(error.heard):
        return answered_in_tls(address, protocol)
    is_end = isinstance(error.__cause__, ConnectionError)
    return closed_without_answer(address, protocol) if is_end else None

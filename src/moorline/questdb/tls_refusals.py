"""Why a server's certificate was refused, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.questdb.certificates import when

if TYPE_CHECKING:
    from datetime import datetime

    from moorline.core.address import Address
    from moorline.questdb.certificates import Certificate
    from moorline.questdb.settings import Settings

__all__ = ["Finding", "Peer", "described", "refused"]

# Codes of OpenSSL's X509_V_ERR_…, from <openssl/x509_vfy.h>.
NOT_YET_VALID, EXPIRED = 9, 10
SELF_SIGNED_LEAF, SELF_SIGNED_ROOT = 18, 19
NO_ISSUER = frozenset({2, 20, 21})  # of any, at this place, of the first
WRONG_KEY = 7  # the signature is not by the issuer's key
WRONG_HOST = frozenset({62, 64})  # name, address
MOST_NAMES = 5


class Peer(NamedTuple):
    """With whom, as whom and when a handshake was tried.

    Args:
        address: Where.
        settings: What the options say.
        trusted: The certificates in ``tls_roots``.
        now: What the clock said.
    """

    address: Address
    settings: Settings
    trusted: tuple[Certificate, ...]
    now: datetime

    @property
    def url(self) -> str:
        """The server, as ``https://localhost:9000``."""
        return f"{self.settings.protocol}://{self.address}"

    @property
    def decided_by(self) -> str:
        """The option that says who is trusted."""
        tls = self.settings.tls
        assert tls is not None  # noqa: S101 - without TLS nothing is decided
        return f"tls_roots={tls.roots!r}" if tls.roots else f"tls_ca={tls.ca}"


class Finding(NamedTuple):
    """The kind of failure, what is wrong, and what to do about it."""

    kind: str
    wrong: str
    cure: str
    passing: bool = False


def described(one: Certificate) -> str:
    """Write whose certificate it is, for which hosts, by whom and when."""
    issuer = "itself" if one.is_self_signed else one.issuer
    return (
        f"a certificate of {one.subject} for {_hosts(one)}, signed by {issuer}, valid "
        f"from {when(one.begins)} to {when(one.ends)}"
    )


def _hosts(one: Certificate) -> str:
    hosts = (*one.names, *one.addresses)
    if not hosts:
        return f"no host but its common name, {one.common_name or 'which is empty'}"
    more = len(hosts) - MOST_NAMES
    return ", ".join(hosts[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def refused(
    code: int, message: str, chain: tuple[Certificate, ...], peer: Peer
) -> Finding:
    """Say why a certificate was refused."""
    if code in WRONG_HOST:
        return _wrong_host(chain, peer)
    if code in {EXPIRED, NOT_YET_VALID}:
        return _wrong_time(code, chain, peer)
    if code == SELF_SIGNED_LEAF:
        return Finding(
            "self-signed",
            "the server's certificate is signed by itself, and not one of those that "
            f"{peer.decided_by} trusts.",
            "If it is yours, trust it: tls_ca=pem_file and tls_roots=<the server's "
            "certificate file>.",
        )
    if code in NO_ISSUER or code in {SELF_SIGNED_ROOT, WRONG_KEY}:
        return _unknown_issuer(chain, peer)
    return Finding(
        "refused",
        f"the server's certificate was refused: {message}.",
        "Look at it: openssl s_client -showcerts -connect "
        f"{peer.address} </dev/null | openssl x509 -noout -text",
    )


def _wrong_host(chain: tuple[Certificate, ...], peer: Peer) -> Finding:
    host = peer.address.host
    names = f"it is for {_hosts(chain[0])}" if chain else "it is for another host"
    cure = (
        "Connect by a name that is in the certificate, or have one made for this host: "
        f"openssl req … -addext 'subjectAltName={_alternative(host)}'"
    )
    if chain and not chain[0].names and chain[0].common_name == host:
        names = f"it has {host} as its common name only, which counts no longer"
        cure = (
            "Have it made anew with openssl req … -addext 'subjectAltName="
            f"{_alternative(host)}', or trust this very certificate: name it in "
            "tls_roots, not the one that signed it."
        )
    return Finding(
        "wrong-host", f"the server's certificate is not for {host}: {names}.", cure
    )


def _alternative(host: str) -> str:
    is_address = ":" in host or host.replace(".", "").isdigit()
    return f"{'IP' if is_address else 'DNS'}:{host}"


def _wrong_time(code: int, chain: tuple[Certificate, ...], peer: Peer) -> Finding:
    """Say which certificate is out of its time: of the chain, or a trusted one."""
    clock = f"This machine's clock says {when(peer.now)}"
    late = code == EXPIRED
    for one in (*chain, *peer.trusted):
        if late and one.ends < peer.now:
            days = (peer.now - one.ends).days
            whose = f"a certificate of {one.subject}"
            wrong = f"{whose} expired on {when(one.ends)}, {days} days ago."
            break
        if not late and one.begins > peer.now:
            whose = f"a certificate of {one.subject}"
            wrong = f"{whose} is not valid yet: it begins on {when(one.begins)}."
            break
    else:
        said = "has expired" if late else "is not valid yet"
        wrong = f"a certificate of the server, or one that signed it, {said}."
    cure = "renew the certificate on the server" if late else "wait for that day"
    kind = "expired" if late else "not-yet-valid"
    return Finding(kind, wrong, f"{clock}; if that is right, {cure}.")


def _unknown_issuer(chain: tuple[Certificate, ...], peer: Peer) -> Finding:
    """Say who is missing between the server's certificate and those trusted."""
    if not chain:
        return Finding(
            "unknown-authority",
            f"the server's certificate is by nobody whom {peer.decided_by} trusts.",
            _OWN_AUTHORITY.format("the authority's certificate"),
        )
    last = chain[-1]
    if any(one.subject == last.issuer for one in peer.trusted):
        return Finding(
            "unknown-authority",
            f"the server's certificate is by {last.issuer}, and {peer.decided_by} has "
            "an authority of that name, but with another key.",
            "The authority may have been made anew: put its present certificate there.",
        )
    if last.is_self_signed:
        return Finding(
            "unknown-authority",
            f"the server's certificate is by {last.subject}, whom {peer.decided_by} "
            "does not trust.",
            _OWN_AUTHORITY.format("its certificate"),
        )
    alone = "its own certificate only" if len(chain) == 1 else f"{len(chain)} of them"
    return Finding(
        "unknown-authority",
        f"the server's chain of certificates ends at {last.issuer}, whom "
        f"{peer.decided_by} does not trust; the server sent {alone}.",
        "If that is an intermediate authority, the server must send its certificate as "
        "well: cat server.crt intermediate.crt > chain.pem; or add it to the file in "
        "tls_roots. " + _OWN_AUTHORITY.format("its certificate"),
    )


_OWN_AUTHORITY = (
    "If it is an authority of your own: tls_ca=pem_file and tls_roots=<{}>, or "
    "tls_ca=os_roots if this machine trusts it."
)

"""Make certificates of every kind that a client may meet, with trustme."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from moorline.lab.errors import LabError
from moorline.lab.tls import CA_FILE, OTHER_CA_FILE, certificate, key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography import x509
    from trustme import CA, LeafCert

__all__ = ["CERTIFICATES", "CLIENT", "INTERMEDIATE_FILE", "Certificate", "issue"]

Certificate: TypeAlias = Literal[
    "good",
    "wrong-name",
    "expired",
    "not-yet-valid",
    "self-signed",
    "openssl",
    "chain",
    "broken-chain",
]
CERTIFICATES: tuple[Certificate, ...] = get_args(Certificate)
CLIENT = "client"
INTERMEDIATE_FILE = "intermediate.pem"

_NAMES = ("localhost", "127.0.0.1", "::1")
_YEAR = timedelta(days=365)


def issue(directory: Path) -> None:
    """Write a certificate and a key of each kind, one for clients, and authorities.

    The authority in CA_FILE signed all but the self-signed ones, the one in
    OTHER_CA_FILE signed nothing. INTERMEDIATE_FILE has the link of the chains.

    Raises LabError without trustme.
    """
    try:
        import trustme  # noqa: PLC0415 - only a front needs it
    except ImportError as error:
        raise LabError("QuestdbLab needs trustme: pip install trustme") from error
    now = datetime.now(UTC)
    root = trustme.CA()
    link = root.create_child_ca()
    for kind, leaf in {
        "good": _leaf(root),
        "wrong-name": root.issue_cert("wrong.example", common_name="wrong.example"),
        "expired": _leaf(root, now - 2 * _YEAR, now - _YEAR),
        "not-yet-valid": _leaf(root, now + _YEAR, now + 2 * _YEAR),
        CLIENT: root.issue_cert("client.example", common_name="client.example"),
    }.items():
        _write(directory, kind, _chain(leaf), leaf.private_key_pem.bytes())
    leaf = _leaf(link)
    whole = _chain(leaf)
    _write(directory, "chain", whole, leaf.private_key_pem.bytes())
    _write(directory, "broken-chain", whole[:1], leaf.private_key_pem.bytes())
    _write(directory, "self-signed", *_self_signed(now, _NAMES))
    _write(directory, "openssl", *_self_signed(now))
    root.cert_pem.write_to_path(str(directory / CA_FILE))
    trustme.CA().cert_pem.write_to_path(str(directory / OTHER_CA_FILE))
    link.cert_pem.write_to_path(str(directory / INTERMEDIATE_FILE))


def _leaf(
    authority: CA, begin: datetime | None = None, end: datetime | None = None
) -> LeafCert:
    return authority.issue_cert(
        *_NAMES, common_name=_NAMES[0], not_before=begin, not_after=end
    )


def _chain(leaf: LeafCert) -> list[bytes]:
    return [part.bytes() for part in leaf.cert_chain_pems]


def _write(
    directory: Path, kind: str, chain: Iterable[bytes], private_key: bytes
) -> None:
    secret = key(directory, kind)
    secret.touch(0o600)
    secret.write_bytes(private_key)
    certificate(directory, kind).write_bytes(b"".join(chain))


def _self_signed(now: datetime, names: Iterable[str] = ()) -> tuple[list[bytes], bytes]:
    """Return a certificate that nobody else signed, and its key.

    Without names it is what ``openssl req -x509 -subj /CN=localhost`` makes, but for
    the kind of key: an authority (CA:TRUE) whose only name is the common one.
    """
    # trustme brings it along.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    secret = ec.generate_private_key(ec.SECP256R1())
    public = secret.public_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAMES[0])])
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    alternatives = list(map(_alternative, names))
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _YEAR)
        .add_extension(identifier, critical=False)
        .add_extension(issuer, critical=False)
        .add_extension(x509.BasicConstraints(not alternatives, None), critical=True)
    )
    if alternatives:
        alternative = x509.SubjectAlternativeName(alternatives)
        builder = builder.add_extension(alternative, critical=False)
    signed = builder.sign(secret, hashes.SHA256())
    return [signed.public_bytes(serialization.Encoding.PEM)], secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509  # noqa: PLC0415

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)

"""Make certificates for the nodes, with trustme."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from moorline.lab.account import Account

__all__ = ["CA_FILE", "OTHER_CA_FILE", "Wanted", "certificate", "issue", "key"]

CA_FILE = "ca.pem"
OTHER_CA_FILE = "other-ca.pem"
_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class Wanted(NamedTuple):
    """What the certificate of a node is to say."""

    node: str  # whose it is, and what its files are called
    names: tuple[str, ...]  # host names and addresses, the first is the common name
    expired: bool = False


def issue(directory: Path, wanted: Iterable[Wanted], account: Account) -> None:
    """Write a certificate and key for each node, and the files of two authorities.

    The one in CA_FILE signed them all, the one in OTHER_CA_FILE signed nothing.
    """
    try:
        import trustme  # noqa: PLC0415 - only labs with TLS need it
    except ImportError as error:
        raise LabError("a lab with TLS needs trustme: pip install trustme") from error
    authority = trustme.CA()
    for node, names, expired in wanted:
        issued = authority.issue_cert(
            *names, common_name=names[0], not_after=_LONG_AGO if expired else None
        )
        secret = key(directory, node)
        secret.touch(0o600)
        secret.write_bytes(issued.private_key_pem.bytes())
        account.give(secret)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        certificate(directory, node).write_bytes(chain)
    authority.cert_pem.write_to_path(str(directory / CA_FILE))
    trustme.CA().cert_pem.write_to_path(str(directory / OTHER_CA_FILE))
    for public in directory.glob("*.pem"):
        public.chmod(0o644)


def certificate(directory: Path, name: str) -> Path:
    """Return where the certificate of a node is."""
    return directory / f"{name}.pem"


def key(directory: Path, name: str) -> Path:
    """Return where the private key of a node is."""
    return directory / f"{name}.key"

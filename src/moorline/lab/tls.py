"""Make certificates for the nodes, with trustme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from moorline.lab.account import Account

__all__ = ["CA_FILE", "certificate", "issue", "key"]

CA_FILE = "ca.pem"


def issue(directory: Path, nodes: Iterable[tuple[str, str]], account: Account) -> Path:
    """Write a certificate and key for each (name, address); return the CA's file.

    A certificate is valid for the name and for the address.
    """
    try:
        import trustme  # noqa: PLC0415 - only labs with TLS need it
    except ImportError as error:
        raise LabError("a lab with TLS needs trustme: pip install trustme") from error
    authority = trustme.CA()
    for name, address in nodes:
        issued = authority.issue_cert(name, address, common_name=name)
        secret = key(directory, name)
        secret.touch(0o600)
        secret.write_bytes(issued.private_key_pem.bytes())
        account.give(secret)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        certificate(directory, name).write_bytes(chain)
    ca_file = directory / CA_FILE
    authority.cert_pem.write_to_path(str(ca_file))
    for public in directory.glob("*.pem"):
        public.chmod(0o644)
    return ca_file


def certificate(directory: Path, name: str) -> Path:
    """Return where the certificate of a node is."""
    return directory / f"{name}.pem"


def key(directory: Path, name: str) -> Path:
    """Return where the private key of a node is."""
    return directory / f"{name}.key"

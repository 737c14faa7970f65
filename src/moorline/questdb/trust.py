"""Whom a sender trusts, as its options say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorline.questdb import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorline.core.options import Given

__all__ = ["Tls", "tls_of"]


class Tls(NamedTuple):
    """How the server is verified.

    Args:
        ca: Who may vouch for it, as in ``tls_ca``.
        roots: The file that is trusted with ``pem_file``; "" otherwise.
        verify: Whether it is verified at all.
        client_cert: The client's own certificate; "" for none.
        client_key: Where its key is; "" for the same file.
        min_version: The oldest version of TLS: ``1.2`` or ``1.3``.
    """

    ca: str
    roots: str
    verify: bool
    client_cert: str
    client_key: str
    min_version: str


def tls_of(given: Mapping[str, Given]) -> Tls:
    """Return how the server is verified. No file is looked at yet.

    Raises:
        ConfigError: The options contradict each other, or one needs another.
    """
    roots, ca = options.TLS_ROOTS.of(given), options.TLS_CA.of(given)
    if roots and options.TLS_CA.name not in given:
        ca = "pem_file"
    if roots and ca != "pem_file":
        raise given["tls_roots"].error(
            f"it is for tls_ca=pem_file, and tls_ca is {ca}; leave one of them out"
        )
    if ca == "pem_file" and not roots:
        raise given["tls_ca"].error("it needs tls_roots, the file of certificates")
    if options.TLS_ROOTS_PASSWORD.name in given and not roots:
        raise given["tls_roots_password"].error("it needs tls_roots")
    client, key = options.TLS_CLIENT_CERT.of(given), options.TLS_CLIENT_KEY.of(given)
    if key and not client:
        raise given["tls_client_key"].error("it needs tls_client_cert")
    verify = options.TLS_VERIFY.of(given) == "on"
    if not verify:
        _may_be_blind(given, roots)
    return Tls(ca, roots, verify, client, key, options.TLS_MIN_VERSION.of(given))


def _may_be_blind(given: Mapping[str, Given], roots: str) -> None:
    one = given["tls_verify"]
    if roots:
        raise one.error(
            "with tls_roots there is something to verify by; leave one of them out"
        )
    if not options.ALLOW_INSECURE_TLS.of(given):
        raise one.error(
            "without verification the password and the rows go to whoever answers. To "
            "trust a self-signed certificate, use tls_ca=pem_file and tls_roots; if "
            "this is what you want, say allow_insecure_tls=True as well, or set "
            f"{options.ALLOW_INSECURE_TLS.env}=1"
        )

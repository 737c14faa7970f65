"""Which authorities may vouch for a cluster: one file, found before anything is sent.

psycopg's wheels carry an OpenSSL whose default place for such files does not exist, so
``sslrootcert=system`` is of no use with them, and a file is named for every driver.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from moorline.errors import ConfigError

__all__ = ["roots_file"]


def roots_file(given: str = "") -> str:
    """Return the PEM file of trusted authorities.

    In this order: the one that was given; libpq's ``PGSSLROOTCERT``; OpenSSL's
    ``SSL_CERT_FILE``; the platform's own, where Python's ``ssl`` looks for it;
    certifi's.

    Args:
        given: ``sslrootcert`` as the user wrote it; "" or ``system``, in the variable
            too, for the others.

    Raises:
        ConfigError: The file that was named is not there, or there is none at all.
    """
    for name, file in (
        ("sslrootcert", given),
        ("PGSSLROOTCERT", os.environ.get("PGSSLROOTCERT")),
        ("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE")),
    ):
        if file and file != "system":
            return _there(file, f"{name}={file!r}")
    default = ssl.get_default_verify_paths().cafile
    if default and Path(default).is_file():
        return default
    try:
        import certifi  # noqa: PLC0415 - the last resort
    except ImportError:
        raise ConfigError(
            "there is no file of trusted authorities on this machine: give one as "
            "sslrootcert, or install certifi"
        ) from None
    return certifi.where()


def _there(path: str, what: str) -> str:
    if not Path(path).is_file():
        raise ConfigError(f"{what}: there is no such file")
    return path

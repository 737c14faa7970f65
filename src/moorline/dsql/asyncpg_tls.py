"""TLS contexts for asyncpg, from what libpq calls ``sslmode`` and ``sslrootcert``."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from moorline.errors import ConfigError

__all__ = ["context_for", "verifies"]

PROTOCOL = "postgresql"  # what ALPN calls it: needed where TLS comes first


def context_for(sslmode: str, roots: str) -> ssl.SSLContext | str:
    """Return what asyncpg takes as ``ssl``.

    Contexts are kept, since it takes milliseconds to read a file of roots; a file that
    was changed is read again.

    Args:
        sslmode: As in libpq.
        roots: The file of trusted authorities, for those modes that verify.

    Raises:
        ConfigError: There is no certificate in the file.
    """
    match sslmode:
        case "verify-full" | "verify-ca":
            changed = Path(roots).stat().st_mtime_ns
            return _verifying(roots, changed, names=sslmode == "verify-full")
        case "require":
            return _blind()
        case _:
            return sslmode


def verifies(context: ssl.SSLContext) -> bool:
    """Tell whether a context checks certificates and names."""
    return context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


@lru_cache(maxsize=16)
def _verifying(roots: str, changed: int, *, names: bool) -> ssl.SSLContext:  # noqa: ARG001 - a new file is a new context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = names
    context.set_alpn_protocols([PROTOCOL])
    try:
        context.load_verify_locations(cafile=roots)
    except ssl.SSLError as error:
        raise ConfigError(
            f"sslrootcert={roots!r}: there is no certificate in PEM in it ({error})"
        ) from None
    return context


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([PROTOCOL])
    return context

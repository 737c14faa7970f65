"""TLS contexts, as the options say: for sockets and for asyncio alike.

Private authorities often lack what RFC 5280 demands, so ``VERIFY_X509_STRICT`` is off,
which `ssl.create_default_context` sets from Python 3.13 on. Each certificate in
``tls_roots`` is trusted as it is, whoever signed it (``VERIFY_X509_PARTIAL_CHAIN``).
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from moorline.errors import ConfigError
from moorline.questdb.handshake import Context
from moorline.questdb.roots import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.questdb.certificates import Certificate
    from moorline.questdb.settings import Settings
    from moorline.questdb.trust import Tls

__all__ = ["Contexts", "context_for"]

logger = logging.getLogger(__name__)

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_Stamp = tuple[tuple[int, int, int] | None, ...]


def context_for(settings: Settings) -> ssl.SSLContext:
    """Return a context, for one use; `Contexts` is for many.

    Args:
        settings: What the options say, of a protocol with TLS.

    Raises:
        ConfigError: As for `Contexts`.
    """
    assert settings.tls is not None  # noqa: S101 - whoever asks for it has TLS
    # A proxy that has HTTP/2 as well may take it unless it is told.
    alpn = "http/1.1" if settings.protocol == "https" else ""
    return Contexts(settings.tls, alpn=alpn).get()


class Contexts:
    """The context for each connection of a sender, made anew when a file was changed.

    All files are read when it is made, or by `prepare`, which takes tens of
    milliseconds for the lists of authorities: asyncio programs call it, and `get`, in a
    thread. Later, a file that is missing, damaged or out of date, as one is that is
    being replaced, is no error: a warning is logged and the last context is used, until
    the file has changed again.

    Threads may share it.

    Args:
        tls: What the options say.
        alpn: The protocol to ask for, as ``http/1.1``; "" for none.
        clock: What time it is.
        at_once: Whether to call `prepare` now.

    Attributes:
        trusted: The certificates in ``tls_roots``, once they were read.

    Raises:
        ConfigError: As for `prepare`.
    """

    def __init__(
        self,
        tls: Tls,
        *,
        alpn: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        at_once: bool = True,
    ) -> None:
        self.trusted: tuple[Certificate, ...] = ()
        self._tls = tls
        self._alpn = alpn
        self._clock = clock
        self._stamp: _Stamp = ()
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        if at_once:
            self.prepare()

    def prepare(self) -> None:
        """Read all files, if that was not done yet.

        Raises:
            ConfigError: A file is missing or wrong, or nobody is trusted.
        """
        with self._lock:
            self._prepared()

    def get(self) -> ssl.SSLContext:
        """Return the context for a new connection.

        It looks at the files' dates, which takes microseconds, and reads them if they
        have changed or were not read yet.

        Raises:
            ConfigError: As for `prepare`, if that was not done yet.
        """
        if not self._tls.verify:
            logger.warning(
                "tls_verify=unsafe_off: the server is not verified, so whoever answers "
                "gets the credentials and the rows"
            )
        with self._lock:
            context = self._prepared()
            stamp = _stamp(self._tls)
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    context = self._context = self._make()
                except ConfigError as error:
                    logger.warning("%s; what it held before is used", error)
                else:
                    logger.info("the files of TLS have changed and were read again")
            return context

    def _prepared(self) -> ssl.SSLContext:
        if self._context is None:
            stamp = _stamp(self._tls)
            self._context = self._make()
            self._stamp = stamp
        return self._context

    def _make(self) -> ssl.SSLContext:
        tls = self._tls
        context = Context.new()
        context.minimum_version = VERSIONS[tls.min_version]
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._alpn:
            context.set_alpn_protocols([self._alpn])
        trusted: tuple[Certificate, ...] = ()
        if not tls.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif tls.ca == "pem_file":
            trusted = read(tls.roots, "tls_roots", self._clock())
            _trust(context, trusted, tls.roots)
        else:
            _trust_authorities(context, tls.ca)
        if tls.client_cert:
            self._load_client(context)
        self.trusted = trusted
        return context

    def _load_client(self, context: ssl.SSLContext) -> None:
        certificate, key = self._tls.client_cert, self._tls.client_key
        read(certificate, "tls_client_cert", self._clock())
        what = f"tls_client_key={key!r}" if key else f"tls_client_cert={certificate!r}"
        try:
            # Without a password here, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(certificate, key or None, password=lambda: "")
        except ssl.SSLError as error:
            raise ConfigError(f"{what}: {_about_key(error)}") from None
        except OSError as error:
            raise ConfigError(f"{what}: it cannot be read: {error.strerror}") from None


def _about_key(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return (
        "there is no private key in PEM in it that can be read without a password; to "
        "take the password off: openssl pkey -in key.pem -out plain.pem"
    )


def _trust(context: Context, trusted: tuple[Certificate, ...], path: str) -> None:
    try:
        context.load_verify_locations(cadata=b"".join(one.der for one in trusted))
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls_roots={path!r}: OpenSSL cannot read a certificate in it ({error})"
        ) from None
    context.pinned = frozenset(one.der for one in trusted if not one.names)
    context.hostname_checks_common_name = bool(context.pinned)


def _trust_authorities(context: ssl.SSLContext, ca: str) -> None:
    """Trust Mozilla's list, this machine's, or both, of which one may be missing."""
    missing: list[str] = []
    # First, since it looks whether there are any by then.
    if ca != "webpki_roots" and not _trust_machine(context):
        places = ssl.get_default_verify_paths()
        said = " and ".join(
            f"{name}={os.environ[name]!r}"
            for name in (places.openssl_cafile_env, places.openssl_capath_env)
            if name in os.environ
        )
        missing.append(
            "this machine has no list of authorities where OpenSSL looks for it: "
            + (said or f"{places.openssl_cafile} and {places.openssl_capath}")
        )
    if ca != "os_roots" and not _trust_mozilla(context):
        missing.append("certifi is not installed: pip install certifi")
    if len(missing) == len(ca.split("_and_")):
        raise ConfigError(
            f"tls_ca={ca}: nobody is trusted. {'; '.join(missing)}; or name a file by "
            "tls_ca=pem_file and tls_roots"
        )
    if missing:
        logger.info("tls_ca=%s: %s; the other list is used alone", ca, missing[0])


def _trust_mozilla(context: ssl.SSLContext) -> bool:
    try:
        import certifi  # noqa: PLC0415 - an extra, and not needed with a file
    except ImportError:
        return False
    context.load_verify_locations(cafile=certifi.where())
    return True


def _trust_machine(context: ssl.SSLContext) -> bool:
    """Trust this machine's authorities, as OpenSSL finds them; tell if there are any.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` say where, as for all that uses OpenSSL.
    """
    context.load_default_certs()
    # What is in a folder is read when it is needed, and not counted.
    folder = ssl.get_default_verify_paths().capath
    return bool(context.cert_store_stats()["x509"]) or _has_certificates(folder)


def _has_certificates(folder: str | None) -> bool:
    """Tell whether a folder has files that are named as OpenSSL wants them."""
    return folder is not None and any(Path(folder).glob("[0-9a-f]*.[0-9]"))


def _stamp(tls: Tls) -> _Stamp:
    """Return what changes when a file is replaced."""
    files = [tls.roots, tls.client_cert, tls.client_key]
    if tls.verify and "os_roots" in tls.ca:
        files.append(ssl.get_default_verify_paths().cafile or "")
    return tuple(map(_file_stamp, files))


def _file_stamp(path: str) -> tuple[int, int, int] | None:
    if not path:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

"""The certificates in a file that a user trusts, or what is wrong with the file."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from moorline.errors import ConfigError
from moorline.questdb.certificates import elements, parse, when

if TYPE_CHECKING:
    from datetime import datetime

    from moorline.questdb.certificates import Certificate, Element

__all__ = ["certificates_in", "read", "read_bytes"]

BLOCK = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)"
    rb"-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
KEYSTORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # of Java: JKS, JCEKS
SEQUENCE = 0x30
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2, PKCS#7


def read(path: str, option: str, now: datetime) -> tuple[Certificate, ...]:
    """Return the certificates in a file, each of which must be valid by now.

    Args:
        path: The file.
        option: The option that names it, for errors.
        now: What the clock says.

    Raises:
        ConfigError: There is no such file, it cannot be read, there is none in it, or
            one has expired or is not yet valid.
    """
    what = f"{option}={path!r}"
    found = certificates_in(read_bytes(path, option), what, path)
    for number, one in enumerate(found, 1):
        which = f"certificate {number} in it, {one.subject}," if found[1:] else "it"
        if now > one.ends:
            raise ConfigError(
                f"{what}: {which} has expired: it was valid until {when(one.ends)}; "
                "get a new one, or take it out of the file"
            )
        if now < one.begins:
            raise ConfigError(
                f"{what}: {which} is not yet valid: it will be from {when(one.begins)} "
                f"on, and this machine's clock says {when(now)}"
            )
    return found


def read_bytes(path: str, option: str) -> bytes:
    """Return what is in a file.

    Raises:
        ConfigError: There is no such file, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        reason = f"there is no such file (from {str(Path.cwd())!r})"
    except IsADirectoryError:
        reason = "it is a folder; name a file"
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    raise ConfigError(f"{option}={path!r}: {reason}") from None


def certificates_in(data: bytes, what: str, path: str) -> tuple[Certificate, ...]:
    """Return the certificates in what a file holds: PEM, or one in DER.

    Args:
        data: What the file holds.
        what: How errors call it.
        path: The file, for the command that converts it.

    Raises:
        ConfigError: There is none, or one is broken; the message says what is there
            instead, and how to make PEM of it.
    """
    if not data.strip():
        raise ConfigError(f"{what}: the file is empty")
    blocks = BLOCK.findall(data)
    if blocks:
        return tuple(
            _certificate(_decoded(block), what, f"block {number}")
            for number, block in enumerate(blocks, 1)
        )
    other = _instead(data, path)
    if other:
        raise ConfigError(f"{what}: {other}")
    return (_certificate(data, what, "it"),)


def _decoded(block: bytes) -> bytes:
    try:
        return b64decode(b"".join(block.split()), validate=True)
    except ValueError:
        return b""


def _certificate(der: bytes, what: str, which: str) -> Certificate:
    try:
        return parse(der)
    except ValueError:
        raise ConfigError(
            f"{what}: {which} is no certificate, or a damaged one: in PEM it begins "
            "with -----BEGIN CERTIFICATE-----, in DER it is binary"
        ) from None


def _instead(data: bytes, path: str) -> str:
    """Return what is there instead of certificates, "" if it may be one in DER."""
    label = LABEL.search(data)
    if label:
        return _labelled(label[1].decode("ascii"), path)
    if data.startswith(KEYSTORES):
        return _convert("a Java keystore", "keytool -list -rfc -keystore {}", path)
    try:
        (outer,) = elements(data)
        first, *_ = elements(outer.content)
    except ValueError:
        return ""
    return _binary(first, path) if outer.tag == SEQUENCE else ""


def _binary(first: Element, path: str) -> str:
    """Say what DER is that begins with this; "" if it may be a certificate."""
    match first.tag, first.content:
        case 0x06, content if content == SIGNED_DATA:  # an OID
            command = "openssl pkcs7 -inform der -print_certs -in {}"
            return _convert("PKCS#7", command, path)
        case 0x02, b"\x03":  # an INTEGER
            return _convert("a PKCS#12 store", "openssl pkcs12 -nokeys -in {}", path)
        case 0x02, _:
            return _A_KEY
        case _:
            return ""


_A_KEY = (
    "it is a private key, not a certificate; name the certificate that belongs to it, "
    "and keep the key on the server"
)


def _labelled(label: str, path: str) -> str:
    """Say what a file in PEM is that has no certificate."""
    if label.endswith("PRIVATE KEY"):
        return _A_KEY
    if label in {"PKCS7", "CMS"}:
        return _convert("PKCS#7", "openssl pkcs7 -print_certs -in {}", path)
    if label.endswith("CERTIFICATE REQUEST"):
        return "it is a request for a certificate; name the one that it was answered by"
    if label.endswith("CERTIFICATE"):
        return "its certificate has no end: the file was cut short"
    return f"there is no certificate in it; it begins with -----BEGIN {label}-----"


def _convert(kind: str, command: str, path: str) -> str:
    new = quote(str(Path(path).with_suffix(".pem")))
    made = f"{command.format(quote(path))} > {new}"
    return f"it is {kind}, not PEM; make PEM of it:\n    {made}\nand name {new}"

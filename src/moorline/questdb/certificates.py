"""What a certificate says of itself: whose it is, for which hosts, when, by whom.

A small reader of DER, for error messages and for the files that a user trusts. Whether
a certificate is any good is for OpenSSL to decide. Sources: X.690 (DER), RFC 5280.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Certificate", "Element", "elements", "parse", "when"]

# Tags. The high bits say context-specific (0x80) and constructed (0x20).
INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
BMP_STRING, UTF8_STRING = 0x1E, 0x0C
VERSION, EXTENSIONS = 0xA0, 0xA3
DNS_NAME, IP_NAME = 0x82, 0x87

ALTERNATIVES = bytes.fromhex("551d11")  # 2.5.29.17, subjectAltName
COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3
ATTRIBUTES = {  # 2.5.4.…
    COMMON_NAME: "CN",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}
# Where the lengths of a length end: no certificate has more than 4 GiB.
LONGEST_LENGTH = 4
LONGEST_TEXT = 100
PIVOT = 50  # of UTCTime's years: RFC 5280, 4.1.2.5.1


class Certificate(NamedTuple):
    """What a certificate says. Texts are made fit to be printed.

    Args:
        der: The certificate itself.
        subject: Whose it is, as ``CN=localhost, O=Example``.
        issuer: Who signed it, in the same way.
        common_name: The last ``CN`` of the subject; "" if there is none.
        names: Host names that it is for, not counting the common name.
        addresses: IP addresses that it is for.
        begins: Since when it is valid.
        ends: Until when.
        is_self_signed: Whether subject and issuer are the same.
    """

    der: bytes
    subject: str
    issuer: str
    common_name: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    begins: datetime
    ends: datetime
    is_self_signed: bool


class Element(NamedTuple):
    """An element of DER: its tag, what is in it, and the bytes of both."""

    tag: int
    content: bytes
    whole: bytes


def parse(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: It is none.
    """
    (outer,) = _expect(elements(der), SEQUENCE)
    signed, *_ = _expect(elements(outer.content), SEQUENCE)
    fields = [one for one in elements(signed.content) if one.tag != VERSION]
    # The serial number, the algorithm, issuer, validity, subject, the key, …
    _, _, issuer, validity, subject, _, *rest = _expect(
        fields, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE
    )
    begins, ends = map(_time, elements(validity.content))
    alternatives = list(_alternatives(rest))
    named = list(_attributes(subject))
    return Certificate(
        der=der,
        subject=_written(named),
        issuer=_written(list(_attributes(issuer))),
        common_name=next((v for oid, v in named[::-1] if oid == COMMON_NAME), ""),
        names=tuple(_clean(one) for tag, one in alternatives if tag == DNS_NAME),
        addresses=tuple(str(_ip(one)) for tag, one in alternatives if tag == IP_NAME),
        begins=begins,
        ends=ends,
        is_self_signed=subject.whole == issuer.whole,
    )


def when(moment: datetime) -> str:
    """Write a date as ``2026-05-01 10:00 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def elements(data: bytes) -> Iterator[Element]:
    """Yield the elements of DER that data is made of.

    Raises:
        ValueError: It is not made of any, or cut short.
    """
    at = 0
    while at < len(data):
        begin, head = at, data[at : at + 2]
        if len(head) < len(b"tl"):
            raise ValueError("cut short")
        tag, length = head
        at += 2
        if length & 0x80:
            digits = length & 0x7F
            if not 0 < digits <= LONGEST_LENGTH:
                raise ValueError("the length is no length")
            length = int.from_bytes(data[at : at + digits], "big")
            at += digits
        end = at + length
        if end > len(data):
            raise ValueError("cut short")
        yield Element(tag, data[at:end], data[begin:end])
        at = end


def _expect(found: Iterator[Element] | list[Element], *tags: int) -> list[Element]:
    """Return the elements, if the first have these tags."""
    found = list(found)
    if [one.tag for one in found[: len(tags)]] != list(tags):
        raise ValueError("no certificate")
    return found


def _time(element: Element) -> datetime:
    text = element.content.decode("ascii")
    match element.tag:
        case 0x17:  # UTC_TIME
            year = int(text[:2])
            text = f"{2000 + year if year < PIVOT else 1900 + year}{text[2:]}"
        case 0x18:  # GENERALIZED_TIME
            pass
        case _:
            raise ValueError("no time")
    if not re.fullmatch("[0-9]{14}Z", text):
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _attributes(name: Element) -> Iterator[tuple[bytes, str]]:
    for group in elements(name.content):
        for pair in elements(group.content):
            oid, value = _expect(elements(pair.content), OID)
            coding = "utf-16-be" if value.tag == BMP_STRING else "utf-8"
            yield oid.content, _clean(value.content, coding)


def _written(attributes: list[tuple[bytes, str]]) -> str:
    """Write a name as people do: the common name first, places left out."""
    known = [(ATTRIBUTES[oid], v) for oid, v in attributes[::-1] if oid in ATTRIBUTES]
    return ", ".join(f"{key}={value}" for key, value in known) or "nobody"


def _alternatives(fields: list[Element]) -> Iterator[tuple[int, bytes]]:
    for field in fields:
        if field.tag != EXTENSIONS:
            continue
        (every,) = _expect(elements(field.content), SEQUENCE)
        for extension in elements(every.content):
            oid, *_, value = _expect(elements(extension.content), OID)
            if oid.content != ALTERNATIVES or value.tag != OCTETS:
                continue
            (names,) = _expect(elements(value.content), SEQUENCE)
            for one in elements(names.content):
                yield one.tag, one.content


def _ip(packed: bytes) -> object:
    return ip_address(packed)


def _clean(text: bytes, coding: str = "utf-8") -> str:
    """Return a text that can be printed: a server may write what it likes."""
    read = text.decode(coding, "replace")
    printable = "".join(char if char.isprintable() else "?" for char in read)
    if len(printable) <= LONGEST_TEXT:
        return printable
    return f"{printable[:LONGEST_TEXT]}…"

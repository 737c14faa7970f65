"""What the reader of certificates reads, held against another one's reading."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from moorline.lab.questdb_certificates import CERTIFICATES
from moorline.questdb.certificates import elements, parse, when

KINDS = [*CERTIFICATES, "recipe", "named", "ca", "intermediate", "client"]


def der_of(files, kind):
    return ssl.PEM_cert_to_DER_cert(
        files.pem(kind).read_text().partition("-----END")[0]
        + "-----END CERTIFICATE-----\n"
    )


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


def made(key, subject, begins, ends, *names):
    """Make a certificate with any subject, dates and names."""
    name = x509.Name(
        x509.NameAttribute(oid, value, _type=kind, _validate=False)
        for oid, value, kind in subject
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_what_cryptography_reads(files, kind):
    der = der_of(files, kind)
    other = x509.load_der_x509_certificate(der)

    found = parse(der)

    assert (found.der, found.begins, found.ends) == (
        der,
        other.not_valid_before_utc,
        other.not_valid_after_utc,
    )
    common = other.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert found.common_name == (common[-1].value if common else "")
    assert found.is_self_signed == (other.subject == other.issuer)
    try:
        names = other.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        dns = names.get_values_for_type(x509.DNSName)
        addresses = names.get_values_for_type(x509.IPAddress)
    except x509.ExtensionNotFound:
        dns, addresses = [], []
    assert found.names == tuple(dns)
    assert found.addresses == tuple(map(str, addresses))


TEXT = x509.name._ASN1Type
BEGINS, ENDS = (
    datetime(2000, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2049, 12, 31, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (TEXT.UTF8String, "Mööring"),
        (TEXT.PrintableString, "Mooring"),
        (TEXT.BMPString, "Mööring"),
        (TEXT.IA5String, "Mooring"),
    ],
)
def test_texts_of_each_kind(key, kind, value):
    found = parse(made(key, [(x509.NameOID.COMMON_NAME, value, kind)], BEGINS, ENDS))
    assert found.common_name == value


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 9999])
def test_dates_of_both_forms(key, year):
    ends = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    begins = datetime(1950, 1, 1, tzinfo=UTC)
    found = parse(made(key, [], begins, ends))
    assert (found.begins, found.ends) == (begins, ends)


def test_names_are_written_as_people_do(key):
    subject = [
        (x509.NameOID.COUNTRY_NAME, "NL", TEXT.PrintableString),
        (x509.NameOID.ORGANIZATION_NAME, "Ropes", TEXT.UTF8String),
        (x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "Knots", TEXT.UTF8String),
        (x509.NameOID.COMMON_NAME, "db", TEXT.UTF8String),
    ]
    assert parse(made(key, subject, BEGINS, ENDS)).subject == "CN=db, OU=Knots, O=Ropes"
    assert parse(made(key, [], BEGINS, ENDS)).subject == "nobody"


def test_what_a_server_writes_is_made_fit_to_be_printed(key):
    wild = "a\x1b[31m\n" + "b" * 500
    subject = [(x509.NameOID.ORGANIZATION_NAME, wild, TEXT.UTF8String)]
    found = parse(made(key, subject, BEGINS, ENDS, x509.DNSName("x.example")))
    assert found.subject == "O=a?[31m?" + "b" * 93 + "…"
    assert found.names == ("x.example",)


def test_other_kinds_of_names_are_passed_over(key):
    names = [x509.RFC822Name("a@b.example"), x509.DNSName("*.b.example")]
    assert parse(made(key, [], BEGINS, ENDS, *names)).names == ("*.b.example",)


def test_a_date_is_written_in_utc():
    assert when(BEGINS) == "2000-01-02 03:04 UTC"


@given(st.binary(max_size=64))
def test_no_bytes_do_any_harm(data):
    with pytest.raises(ValueError):  # noqa: PT011 - all of them are meant
        parse(data)


@given(data=st.data())
def test_a_damaged_certificate_is_read_or_refused(files, data):
    der = bytearray(der_of(files, "good"))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)))
    for damaged in (bytes(der), bytes(der[:cut])):
        try:
            found = parse(damaged)
        except ValueError:
            continue
        assert all(one.isprintable() for one in (found.subject, *found.names))


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300))))
def test_elements_are_read_back(pairs):
    def length(content):
        size = len(content)
        return bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")

    data = b"".join(bytes([tag]) + length(one) + one for tag, one in pairs)
    found = list(elements(data))
    assert [(one.tag, one.content) for one in found] == pairs
    assert b"".join(one.whole for one in found) == data

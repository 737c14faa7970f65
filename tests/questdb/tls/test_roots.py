"""A file that is named as tls_roots: what is read of it, and what is said otherwise."""

from __future__ import annotations

import os
import shlex
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moorline.errors import ConfigError
from moorline.questdb.roots import certificates_in, read

NOW = datetime.now(UTC) + timedelta(hours=1)  # the certificates are made later


def complaint(path, now=NOW):
    with pytest.raises(ConfigError) as raised:
        read(str(path), "tls_roots", now)
    text = str(raised.value)
    assert text.startswith(f"tls_roots={str(path)!r}: ")
    return text


def run(command, folder):
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


def test_pem_with_other_things_around(files, tmp_path):
    path = tmp_path / "roots.pem"
    text = files.pem("chain").read_text()
    path.write_text(f"\ufeff# my roots\r\n{files.key('chain').read_text()}{text}bye")
    found = read(str(path), "tls_roots", NOW)
    assert [one.common_name for one in found] == ["localhost", ""]


@pytest.mark.parametrize("label", ["X509 CERTIFICATE", "TRUSTED CERTIFICATE"])
def test_other_labels_of_pem(files, label):
    pem = files.pem("recipe").read_bytes().replace(b"CERTIFICATE", label.encode())
    (found,) = certificates_in(pem, "x", "x")
    assert found.common_name == "localhost"


def test_der_is_read_as_it_is(files, tmp_path):
    path = tmp_path / "certificate.der"
    path.write_bytes(ssl.PEM_cert_to_DER_cert(files.pem("recipe").read_text()))
    (found,) = read(str(path), "tls_roots", NOW)
    assert found.common_name == "localhost"


@pytest.mark.parametrize("content", [b"", b" \n\t"])
def test_an_empty_file(tmp_path, content):
    path = tmp_path / "empty.pem"
    path.write_bytes(content)
    assert "the file is empty" in complaint(path)


def test_no_file(tmp_path):
    text = complaint(tmp_path / "none.pem")
    assert f"there is no such file (from {str(Path.cwd())!r})" in text


def test_a_folder(tmp_path):
    assert "it is a folder" in complaint(tmp_path)


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    path = tmp_path / "roots.pem"
    path.write_text("x")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read anything

        def refuse(self):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "it cannot be read: Permission denied" in complaint(path)


@pytest.mark.parametrize(
    "content", [b"hello", b"\x30", b"\x30\x03\x02\x01", b"\x00" * 9]
)
def test_something_else(tmp_path, content):
    path = tmp_path / "roots.pem"
    path.write_bytes(content)
    assert "is no certificate, or a damaged one" in complaint(path)


def test_a_damaged_block(files, tmp_path):
    path = tmp_path / "roots.pem"
    good = files.pem("recipe").read_text()
    path.write_text(good + good.replace("M", "*", 3))
    assert "block 2 is no certificate, or a damaged one" in complaint(path)


def test_a_file_that_was_cut_short(files, tmp_path):
    path = tmp_path / "roots.pem"
    path.write_text(files.pem("recipe").read_text()[:500])
    assert "its certificate has no end" in complaint(path)


CONVERTED = """
openssl pkcs8 -topk8 -nocrypt -in recipe.key -out pkcs8.pem
openssl rsa -traditional -in recipe.key -out pkcs1.pem
openssl pkey -in recipe.key -outform der -out key.der
openssl rsa -traditional -in recipe.key -outform der -out pkcs1.der
openssl pkcs8 -topk8 -in recipe.key -passout pass:x -out sealed.pem
openssl pkey -in recipe.key -pubout -out public.pem
"""


@pytest.mark.parametrize(
    "name", ["pkcs8.pem", "pkcs1.pem", "key.der", "pkcs1.der", "sealed.pem"]
)
def test_a_private_key_instead_of_a_certificate(files, tmp_path, name):
    (tmp_path / "recipe.key").write_bytes(files.key("recipe").read_bytes())
    for command in CONVERTED.strip().splitlines():
        if name in command:
            run(command, tmp_path)
    text = complaint(tmp_path / name)
    assert "it is a private key, not a certificate" in text


def test_a_public_key(files, tmp_path):
    run(f"openssl pkey -in {files.key('recipe')} -pubout -out public.pem", tmp_path)
    text = complaint(tmp_path / "public.pem")
    assert "there is no certificate in it; it begins with -----BEGIN PUBLIC KEY" in text


def test_a_request_for_a_certificate(files):
    assert "it is a request" in complaint(files.folder / "named.csr")


def follow(text, folder, password=""):
    """Do what an error says; return the certificates in the file that it makes."""
    command = next(line for line in text.splitlines() if line.startswith("    "))
    made = Path(shlex.split(text.splitlines()[-1].removeprefix("and name "))[0])
    subprocess.run(
        ["/bin/sh", "-ec", command + password],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return read(str(made), "tls_roots", NOW)


def test_a_pkcs12_store_with_the_command_that_converts_it(files, tmp_path):
    pem, store = files.pem("recipe"), tmp_path / "it's a store.p12"
    run(
        f"openssl pkcs12 -export -nokeys -in {pem} -passout pass:x "
        f"-out {shlex.quote(str(store))}",
        tmp_path,
    )
    text = complaint(store)
    assert "it is a PKCS#12 store, not PEM" in text
    (found,) = follow(text, tmp_path, " -passin pass:x")
    assert found.common_name == "localhost"


@pytest.mark.parametrize("form", ["pem", "der"])
def test_pkcs7_with_the_command_that_converts_it(files, tmp_path, form):
    path = tmp_path / "store.p7b"
    pem = files.pem("chain")
    run(
        f"openssl crl2pkcs7 -nocrl -certfile {pem} -outform {form} -out {path}",
        tmp_path,
    )
    text = complaint(path)
    assert "it is PKCS#7, not PEM" in text
    assert len(follow(text, tmp_path)) == 2


@pytest.mark.parametrize("magic", ["feedfeed", "cececece"])
def test_a_java_keystore(tmp_path, magic):
    path = tmp_path / "store.jks"
    path.write_bytes(bytes.fromhex(magic) + b"\0\0\0\2\0\0\0\1")
    text = complaint(path)
    new = tmp_path / "store.pem"
    assert "it is a Java keystore, not PEM" in text
    assert f"keytool -list -rfc -keystore {path} > {new}" in text


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (366, "it has expired: it was valid until "),
        (-2, "it is not yet valid: it will be from "),
    ],
)
def test_a_certificate_out_of_its_time(files, days, says):
    text = complaint(files.pem("recipe"), NOW + timedelta(days=days))
    assert says in text
    (found,) = read(str(files.pem("recipe")), "tls_roots", NOW)
    date = found.ends if days > 0 else found.begins
    assert f"{date:%Y-%m-%d %H:%M} UTC" in text


def test_one_of_several_has_expired(files, tmp_path):
    path = tmp_path / "roots.pem"
    both = (files.pem("ca"), files.pem("expired"))
    path.write_bytes(b"".join(one.read_bytes() for one in both))
    assert "certificate 2 in it, CN=localhost" in complaint(path)

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi
import pytest

from moorline.dsql.asyncpg_tls import context_for, verifies
from moorline.errors import ConfigError


@pytest.fixture
def roots(tmp_path):
    path = tmp_path / "roots.pem"
    path.write_text(Path(certifi.where()).read_text("ascii", errors="ignore"))
    return path


def test_verify_full_verifies_all(roots):
    context = context_for("verify-full", str(roots))

    assert verifies(context)
    assert context.cert_store_stats()["x509_ca"] > 0


def test_verify_ca_verifies_no_name(roots):
    context = context_for("verify-ca", str(roots))

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname
    assert not verifies(context)


def test_require_verifies_nothing():
    context = context_for("require", "")

    assert context.verify_mode is ssl.CERT_NONE
    assert not verifies(context)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_the_others_are_asyncpgs(mode):
    assert context_for(mode, "") == mode


def test_a_context_is_made_once_for_a_file_as_it_is(roots):
    context = context_for("verify-full", str(roots))
    assert context_for("verify-full", str(roots)) is context

    os.utime(roots, ns=(1, 1))

    assert context_for("verify-full", str(roots)) is not context


def test_nothing_else_is_trusted(tmp_path, roots):
    one = roots.read_text().split("-----END CERTIFICATE-----")[0]
    pinned = tmp_path / "one.pem"
    pinned.write_text(f"{one}-----END CERTIFICATE-----\n")

    context = context_for("verify-full", str(pinned))

    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("content", ["", "no certificate\n", "-----BEGIN"])
def test_a_file_without_a_certificate_is_named(tmp_path, content):
    path = tmp_path / "empty.pem"
    path.write_text(content)

    with pytest.raises(ConfigError, match=r"empty\.pem': there is no certificate"):
        context_for("verify-full", str(path))

from __future__ import annotations

import ssl
import sys
from types import SimpleNamespace

import certifi
import pytest

from moorline.dsql.roots import roots_file
from moorline.errors import ConfigError


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return a file for each source; the platform has its own, too."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    found = {}
    for name in ("given", "variable", "platform"):
        path = tmp_path / f"{name}.pem"
        path.write_text("")
        found[name] = str(path)
    paths = SimpleNamespace(cafile=found["platform"])
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    return found


def test_what_was_given_comes_first(files, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", files["variable"])
    assert roots_file(files["given"]) == files["given"]
    assert roots_file() == files["variable"]
    assert roots_file("system") == files["variable"]


def test_then_comes_the_platforms_own(files):
    assert roots_file() == files["platform"]


@pytest.mark.parametrize("cafile", [None, "/no/such/file"])
def test_then_comes_certifis(files, monkeypatch, cafile):
    paths = SimpleNamespace(cafile=cafile)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert roots_file() == certifi.where()
    monkeypatch.setitem(sys.modules, "certifi", None)
    with pytest.raises(ConfigError, match="give one as sslrootcert, or install"):
        roots_file()


def test_a_file_that_was_named_and_is_not_there_is_an_error(files, monkeypatch):
    with pytest.raises(ConfigError, match=r"sslrootcert='/no/ca\.pem': there is no"):
        roots_file("/no/ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/other.pem")
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE='/no/other\.pem'"):
        roots_file()


def test_the_file_holds_authorities():
    context = ssl.create_default_context(cafile=roots_file())
    assert context.cert_store_stats()["x509_ca"] > 0

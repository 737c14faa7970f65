"""Keys by TCP on a real server: who is let in, and what others are told."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, IngestError, TlsError
from tests.questdb.tcp.clients import LATE, at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import QuestdbLab


@pytest.fixture(scope="module")
def guarded() -> Iterator[QuestdbLab]:
    """Keep a server that asks for keys."""
    from moorline.lab import QuestdbLab  # noqa: PLC0415

    with QuestdbLab(tcp_auth=True) as lab:
        yield lab


@pytest.fixture
def keyed(guarded: QuestdbLab) -> QuestdbLab:
    guarded.reset()
    return guarded


def key(lab: QuestdbLab, **other: str) -> dict[str, str]:
    own = lab.tcp_key
    full = {
        "username": own.username,
        "token": own.token,
        "token_x": own.token_x,
        "token_y": own.token_y,
    }
    return {**full, **other}


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
@pytest.mark.parametrize("full", [True, False], ids=["full", "without x and y"])
def test_a_good_key_lets_in(keyed, start, protocol, full):
    own = key(keyed)
    if not full:
        del own["token_x"], own["token_y"]
    client = start(protocol, **at(keyed, protocol), **own)
    client.deliver("t x=1i")
    client.deliver("t x=2i")
    client.leave()
    keyed.wait_rows("t", 2)
    assert len(keyed.streams) == 1


def other_key(lab: QuestdbLab) -> dict[str, str]:
    """Return a key that the server does not know, by the id of one that it knows."""
    number = bytes(range(1, 33))
    token = base64.urlsafe_b64encode(number).decode().rstrip("=")
    return {"username": lab.tcp_key.username, "token": token}


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
@pytest.mark.parametrize("wrong", ["key", "id"])
def test_a_key_that_is_not_taken_costs_no_row(keyed, start, protocol, wrong):
    own = other_key(keyed) if wrong == "key" else key(keyed, username="nobody")
    client = start(protocol, settle=LATE, **at(keyed, protocol), **own)
    with pytest.raises(IngestError) as raised:
        client.deliver("t x=1i")
    text = str(raised.value)
    assert "did not take the key: it closed" in text
    assert f"username={own['username']!r}" in text
    assert "None of the 1 rows was sent; all are still in the buffer" in text
    assert own["token"] not in repr(raised.value)
    (stream,) = keyed.streams
    assert stream.size == len(f"{own['username']}\n") + 88 + 1  # and the signature


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_server_that_asks_for_a_key_that_was_not_given(keyed, start, protocol):
    client = start(protocol, settle=LATE, **at(keyed, protocol))
    with pytest.raises(IngestError, match="asks for a key") as raised:
        client.deliver("t x=1i")
    assert "Give the id of one as username" in str(raised.value)
    assert "None of the 1 rows is stored; all are still" in str(raised.value)


def test_a_key_for_a_server_that_asks_for_none(questdb_lab, keyed, start):
    options = {**at(questdb_lab), **key(keyed)}
    client = start("tcp", auth_timeout=300, **options)
    with pytest.raises(IngestError, match="does it ask for keys at all") as raised:
        client.deliver("t x=1i")
    assert "auth_timeout=300 ms" in str(raised.value)


def test_a_key_that_is_none_is_told_before_anything_is_said(questdb_lab, start):
    nothing = base64.urlsafe_b64encode(bytes(32)).decode()
    client = start("tcp", username="kid", token=nothing, **at(questdb_lab))
    with pytest.raises(ConfigError, match=r"token=\*\*\*: it is no private key"):
        client.deliver("t x=1i")
    assert questdb_lab.streams == ()


def test_a_server_that_is_not_trusted_hears_nothing(keyed, start):
    options = {**at(keyed, "tcps"), "tls_roots": keyed.other_ca_file, **key(keyed)}
    client = start("tcps", **options)
    with pytest.raises(TlsError) as raised:
        client.deliver("t x=1i")
    assert raised.value.kind == "unknown-authority"
    assert isinstance(raised.value, ssl.SSLError)
    assert keyed.streams == ()

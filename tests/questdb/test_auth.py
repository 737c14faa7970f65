"""What is checked of a login when it is used, and not when it is read."""

from __future__ import annotations

import pytest

from moorline.core.secret import Secret
from moorline.errors import ConfigError
from moorline.questdb.auth import Bearer
from moorline.questdb.settings import settings_of


def bearer(token: object) -> Bearer:
    auth = settings_of("http", {"addr": "a", "token": token}).auth
    assert isinstance(auth, Bearer)
    return auth


@pytest.mark.parametrize("kind", [str, Secret])
def test_a_function_gives_another_token_each_time(kind):
    tokens = iter(["one", "two"])
    auth = bearer(lambda: kind(next(tokens)))
    assert [auth.reveal(), auth.reveal()] == ["one", "two"]


def test_a_token_is_what_it_is():
    assert bearer("abc").reveal() == "abc"


@pytest.mark.parametrize(
    "token", ["hush\r\nX-Other: 1", "hush\n", "hüsh", "hu sh", "hush\x00", ""]
)
def test_what_cannot_be_in_a_header_is_refused_without_being_shown(token):
    with pytest.raises(ConfigError, match="a bearer token has letters") as raised:
        bearer(lambda: token).reveal()
    assert str(raised.value).startswith("token=*** (returned by the function): ")
    assert not token or token not in str(raised.value)
    with pytest.raises(ConfigError):
        bearer(token)


@pytest.mark.parametrize("token", [None, b"hush", 4711, Secret(b"hush")])
def test_what_is_no_text_is_refused_without_being_shown(token):
    with pytest.raises(ConfigError, match="let it return the token as a str") as raised:
        bearer(lambda: token).reveal()
    assert "hush" not in str(raised.value)

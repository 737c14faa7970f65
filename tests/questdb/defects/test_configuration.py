"""What QuestDB's own client lets pass without a word when it is set up."""

from __future__ import annotations

import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, MoorlineError
from moorline.questdb import AsyncSender, Sender, SenderBuilder, TimestampNanos
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab
    from moorline.lab.pytest_plugin import MakeQuestdbLab
    from tests.questdb.senders import Face

AT = TimestampNanos(1_700_000_000_123_456_789)
TOKEN = "sesam-4711"


@pytest.mark.parametrize(
    "make",
    [
        Sender.from_conf,
        AsyncSender.from_conf,
        lambda text: SenderBuilder.from_conf(text).build(),
    ],
    ids=["Sender", "AsyncSender", "SenderBuilder"],
)
@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("tls_rots=ca.pem", "tls_roots"),
        ("retry_timeoutt=1", "retry_timeout"),
        ("auto_flush_row=1", "auto_flush_rows"),
        ("tls_client_cert2=c.pem", "tls_client_cert"),
        ("Username=al", "username"),
    ],
)
def test_a_typo_is_an_error_that_names_the_key(
    make: Callable[[str], object], typo: str, meant: str
) -> None:
    """14: the client took them all, and went on without what was asked for."""
    text = f"https::addr=localhost:9000;{typo};"
    with pytest.raises(ConfigError, match=f"did you mean {meant}"):
        make(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https::addr=a;tls_verify=unsafe_off;", "allow_insecure_tls"),
        ("https::addr=a;tls_ca=pem_file;", "tls_roots"),
        ("http::addr=a;tls_ca=os_roots;", "https"),
        ("https::addr=a;tls_roots=/nowhere/ca.pem;", "/nowhere/ca.pem"),
    ],
)
def test_tls_that_would_not_be_what_it_says_is_an_error(text: str, said: str) -> None:
    """15: each is told before a connection is made, and names what decided it."""
    with pytest.raises(ConfigError, match=said):
        Sender.from_conf(text)


def test_unsafe_off_and_roots_contradict_each_other(questdb_lab: QuestdbLab) -> None:
    """15: the roots were silently ignored."""
    text = conf(questdb_lab, "https", tls_verify="unsafe_off")
    with pytest.raises(ConfigError, match="tls_roots"):
        Sender.from_conf(text, allow_insecure_tls=True)


def test_each_request_may_have_a_token_of_its_own(
    make_questdb_lab: MakeQuestdbLab, opened: Callable[..., Face]
) -> None:
    """16: credentials were static; here a function is asked for them."""
    lab = make_questdb_lab()
    given: list[str] = []

    def token() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    face = opened(conf(lab), token=token)
    for _ in range(2):
        face.row("t", columns={"x": 1}, at=AT)
        face.flush()
    lab.wait_rows("t", 2)
    assert len(given) == 3  # one for the settings
    assert {one.header("Authorization") for one in lab.requests} == {"Bearer …"}


def test_a_token_that_was_refused_is_asked_for_again(
    questdb_lab: QuestdbLab, opened: Callable[..., Face]
) -> None:
    """16: a token that expired on its way costs no rows."""
    given: list[str] = []

    def token() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    face = opened(conf(questdb_lab), token=token)
    face.row("t", columns={"x": 1}, at=AT)
    questdb_lab.faults.answer(401, body=b"Unauthorized")
    face.flush()
    questdb_lab.wait_rows("t", 1)
    assert given == ["token-0", "token-1", "token-2"]


def test_making_a_sender_connects_to_nobody() -> None:
    """26: the documentation said so of `connect()`, which did."""
    text = "http::addr=nowhere.invalid;"
    assert Sender.from_conf(text).settings.addresses
    assert AsyncSender.from_conf(text).settings.addresses


def test_importing_it_warns_of_nothing_and_needs_no_numpy() -> None:
    """24 and 26: importing the client took 83 ms, 64 of them NumPy's, and warned."""
    code = (
        "import sys; from moorline.questdb import Buffer, Sender, AsyncSender\n"
        "Buffer().row('t', columns={'x': 1}, at=None)\n"
        "print([n for n in ('numpy', 'pandas', 'pyarrow') if n in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    "given",
    [f"{TOKEN}\n", f"{TOKEN} ", f"{TOKEN}\u20ac", "", None, TOKEN.encode(), 4711],
    ids=lambda given: repr(given).replace(TOKEN, "…"),
)
def test_a_token_that_cannot_be_sent_is_named_and_not_shown(
    questdb_lab: QuestdbLab, opened: Callable[..., Face], given: object
) -> None:
    """16: a file that was read as it is ends with a line break, for instance."""
    face = opened(conf(questdb_lab), token=lambda: given)
    with pytest.raises(MoorlineError, match="token") as error:
        face.row("t", columns={"x": 1}, at=AT)
    assert TOKEN not in "".join(traceback.format_exception(error.value))
    assert questdb_lab.requests == ()


@pytest.mark.parametrize("token", [f"{TOKEN} ", f"{TOKEN}\u20ac", f"a {TOKEN}"])
def test_a_token_that_cannot_be_sent_is_refused_at_once(token: str) -> None:
    """16: HTTP has no way to send it; what it is must not be shown."""
    with pytest.raises(ConfigError, match="token") as error:
        Sender.from_conf("http::addr=localhost;", token=token)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_can_be_none_is_an_error_of_ours(
    opened: Callable[..., Face], host: str
) -> None:
    """15: such names raise a UnicodeError, which nobody expects who sends rows."""
    with pytest.raises(MoorlineError, match=host):
        opened(f"http::addr={host};retry_timeout=0;").row("t", columns={"x": 1}, at=AT)

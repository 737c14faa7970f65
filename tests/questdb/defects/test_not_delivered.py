"""Servers that QuestDB's own client gives up, misunderstands or cannot reach."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError
from moorline.questdb import TimestampNanos
from tests.questdb.senders import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import QuestdbLab
    from moorline.lab.pytest_plugin import MakeQuestdbLab
    from tests.questdb.senders import Face

    Opened = Callable[..., Face]

AT = TimestampNanos(1_700_000_000_123_456_789)


def add(face: Face, number: int = 1) -> None:
    face.row("t", columns={"x": number}, at=AT)


def writes(lab: QuestdbLab) -> list[object]:
    return [one for one in lab.requests if one.method == "POST"]


def test_a_server_that_is_away_for_a_moment_is_waited_for(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """7: 300 ms without a server were an immediate error, with ten seconds to retry."""
    face = opened(conf(questdb_lab))
    add(face)
    questdb_lab.faults.refuse()
    back = threading.Timer(0.3, questdb_lab.faults.admit)
    back.start()
    face.flush()
    back.join()
    questdb_lab.wait_rows("t", 1)
    assert face.kept == 0


@pytest.mark.parametrize("how", ["reset", "closed while idle", "cut"])
def test_a_connection_that_breaks_is_replaced(
    questdb_lab: QuestdbLab, opened: Opened, how: str
) -> None:
    """7: a reset was an immediate error."""
    face = opened(conf(questdb_lab))
    add(face)
    face.flush()
    match how:
        case "reset":
            questdb_lab.faults.cut_now()
            questdb_lab.faults.greet("reset")
        case "closed while idle":
            questdb_lab.faults.cut_now()
        case "cut":
            questdb_lab.faults.cut("before request")
    add(face, 2)
    face.flush()
    questdb_lab.wait_rows("t", 2)


@pytest.mark.parametrize(
    "status", [408, 421, 425, 429, 500, 502, 503, 504, 507, 509, 523, 524, 529, 599]
)
def test_answers_that_pass_are_tried_again(
    questdb_lab: QuestdbLab, opened: Opened, status: int
) -> None:
    """8: 408, 421, 425, 429 and 502 were final."""
    face = opened(conf(questdb_lab))
    add(face)
    questdb_lab.faults.answer(status, times=2)
    face.flush()
    questdb_lab.wait_rows("t", 1)
    assert [one.status for one in writes(questdb_lab)] == [status, status, 204]


def test_a_server_that_asks_for_a_second_gets_it(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """8: `Retry-After` was not read; here it is more than there is time for."""
    face = opened(conf(questdb_lab, retry_timeout=500))
    add(face)
    questdb_lab.faults.answer(503, retry_after=1, times=None)
    with pytest.raises(IngestError, match="in 1 tries"):
        face.flush()
    questdb_lab.faults.reset()
    questdb_lab.faults.answer(503, retry_after=0)
    face.flush()
    questdb_lab.wait_rows("t", 1)


@pytest.mark.parametrize("status", [400, 403, 413, 501])
def test_an_answer_without_a_word_is_told_by_its_number(
    questdb_lab: QuestdbLab, opened: Opened, status: int
) -> None:
    """8: the message was "Could not flush buffer: " and nothing else."""
    face = opened(conf(questdb_lab, retry_timeout=0))
    add(face)
    questdb_lab.faults.answer(status)
    with pytest.raises(IngestError, match=f"HTTP {status}") as error:
        face.flush()
    assert error.value.status == status
    assert face.kept == 1


def test_what_the_server_says_is_read_whatever_type_it_has(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """9: its JSON was shown as it is, since its type names a character set too."""
    questdb_lab.sql(
        "create table t (x double, ts timestamp) timestamp(ts) partition by day wal"
    )
    face = opened(conf(questdb_lab))
    face.row("t", columns={"x": "dear"}, at=AT)
    with pytest.raises(IngestError) as error:
        face.flush()
    told = error.value
    assert told.server_message.startswith("table: t, column: x; cast error")
    assert "{" not in str(told)
    assert (told.line, told.row) == (1, f't x="dear" {AT.value}n')
    assert told.error_id


@pytest.mark.parametrize("side", ['"buy', '="buy', 'b"uy"', '\\"'])
def test_the_row_that_is_refused_is_shown_whatever_is_before_it(
    questdb_lab: QuestdbLab, opened: Opened, side: str
) -> None:
    """9: quotes mean nothing within symbols."""
    questdb_lab.sql(
        "create table t (side symbol, x double, ts timestamp) timestamp(ts) "
        "partition by day wal"
    )
    face = opened(conf(questdb_lab))
    face.row("t", symbols={"side": side}, columns={"x": 1.5}, at=AT)
    face.row("t", columns={"x": "dear"}, at=AT)
    with pytest.raises(IngestError) as error:
        face.flush()
    assert error.value.row == f't x="dear" {AT.value}n'


def test_a_deterministic_500_is_not_tried_for_ten_seconds(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """9: a number in the column of the timestamp was sent again and again."""
    face = opened(conf(questdb_lab))
    face.row("t", columns={"timestamp": 1}, at=AT)
    with pytest.raises(IngestError, match="UnsupportedOperationException") as error:
        face.flush()
    assert error.value.status == 500
    assert len(writes(questdb_lab)) == 1


@pytest.mark.parametrize(
    ("text", "scheme"),
    [("username=al;password=s3cr;;t;", "Basic"), ("token=abc.def;", "Bearer")],
)
def test_settings_are_asked_for_with_the_credentials(
    questdb_lab: QuestdbLab, opened: Opened, text: str, scheme: str
) -> None:
    """10: behind a proxy that asks for them, no protocol version could be agreed on."""
    add(opened(conf(questdb_lab) + text))
    (asked,) = questdb_lab.requests
    assert asked.target == "/settings"
    # The lab keeps no more than the scheme.
    assert asked.header("Authorization") == f"{scheme} …"


def test_a_server_that_asks_for_a_password(
    make_questdb_lab: MakeQuestdbLab, opened: Opened
) -> None:
    """10: with it rows are stored; without it the answer says what to look at."""
    lab = make_questdb_lab(user="al", password="s3cr;t")
    face = opened(conf(lab) + "username=al;password=s3cr;;t;")
    add(face)
    face.flush()
    lab.wait_rows("t", 1)
    face = opened(conf(lab))
    add(face)
    with pytest.raises(IngestError, match="Check username and password") as error:
        face.flush()
    assert error.value.status == 401


def test_settings_that_need_other_credentials_say_so_at_once(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """10: a proxy that refuses them refuses them again, however often it is asked."""
    face = opened(conf(questdb_lab, username="al", password="wrong"))
    for status in (401, 403):
        questdb_lab.faults.answer(status, times=None, containing="/settings")
        with pytest.raises(IngestError, match="Check username and password") as error:
            add(face)
        assert error.value.status == status
        questdb_lab.faults.reset()
    assert len(questdb_lab.requests) <= 4  # a token is asked for once again


def test_a_row_that_no_server_could_be_asked_for_is_not_called_kept(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """3: whoever reads that rows are kept does not add them again."""
    face = opened(conf(questdb_lab, retry_timeout=0))
    questdb_lab.faults.refuse()
    with pytest.raises(IngestError) as error:
        add(face)
    questdb_lab.faults.admit()
    face.flush()
    assert "kept" not in str(error.value), "it is not: no buffer was there to keep it"


def test_the_next_server_takes_what_the_first_cannot(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """11: over HTTP there was one address only."""
    other = questdb_lab.add_front()
    ports = questdb_lab.front.http_port, other.http_port
    face = opened(conf(questdb_lab, addr=",".join(f"127.0.0.1:{p}" for p in ports)))
    for fault in (
        lambda: questdb_lab.faults.answer(421, times=None),
        questdb_lab.faults.refuse,
    ):
        add(face)
        fault()
        face.flush()
    questdb_lab.wait_rows("t", 2)


def test_an_address_of_ipv6(questdb_lab: QuestdbLab, opened: Opened) -> None:
    """11: over TCP it was refused; here it is HTTP and HTTPS."""
    front = questdb_lab.add_front("::1")
    add(opened(conf(questdb_lab, addr=f"[::1]:{front.http_port}")))
    secure = conf(questdb_lab, "https", addr=f"[::1]:{front.https_port}")
    face = opened(secure)
    add(face)
    face.flush()
    questdb_lab.wait_rows("t", 1)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_hears_nothing(
    questdb_lab: QuestdbLab,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """11: rows for this machine itself went to whoever the variable named."""
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        face = opened(conf(questdb_lab))
        add(face)
        face.flush()
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    questdb_lab.wait_rows("t", 1)


def test_rows_are_compressed_if_that_is_asked_for(
    questdb_lab: QuestdbLab, opened: Opened
) -> None:
    """21: no client of theirs compresses, though servers read it since 9.1."""
    face = opened(conf(questdb_lab, gzip="on"))
    for number in range(1000):
        add(face, number)
    size = len(bytes(face.sender.buffer))
    face.flush()
    questdb_lab.wait_rows("t", 1000)
    (post,) = writes(questdb_lab)
    assert post.header("Content-Encoding") == "gzip"
    assert post.size < size / 3


def test_a_server_that_reads_no_gzip_gets_rows_as_they_are(
    make_questdb_lab: MakeQuestdbLab, opened: Opened
) -> None:
    """21: 9.0 answers 415, which is no reason to lose rows."""
    lab = make_questdb_lab(version="9.0.3")
    face = opened(conf(lab, gzip="on"))
    for number in range(2):
        add(face, number)
        face.flush()
    lab.wait_rows("t", 2)
    assert [one.status for one in writes(lab)] == [415, 204, 204]


def test_the_servers_own_gzip_is_what_python_writes(questdb_lab: QuestdbLab) -> None:
    """The server is the judge of the test above: it does not take just anything."""
    body = gzip.compress(b"t x=1i\n")
    for sent, status in ((body, 204), (b"junk", 415)):
        with closing(
            http.client.HTTPConnection(questdb_lab.host, questdb_lab.http_port)
        ) as conn:
            conn.request("POST", "/write", sent, {"Content-Encoding": "gzip"})
            assert conn.getresponse().status == status

"""What is tried again, and until when; no network."""

from __future__ import annotations

import gzip

import pytest

from moorline.core.backoff import Backoff
from moorline.core.steps import Act, Now, Sleep
from moorline.errors import IngestError
from moorline.net.http import ExchangeError, Response, Stage, Stream
from moorline.questdb.batch import Batch
from moorline.questdb.delivery import (
    Exchange,
    Patience,
    Server,
    deliver,
    negotiate,
)

BATCH = Batch(b"t x=1i\nt x=2i\nt x=3i\n", 3)
ROW = b'{"message":"bad","line":2,"errorId":"e1"}'


class Play:
    """Performs the steps by a script of answers; the last one is repeated."""

    def __init__(self, *answers, servers=1, retry=10.0, compressed=False):
        self.answers = list(answers)
        self.now = 100.0
        self.sent = []
        self.slept = []
        self.asked = []
        self.server = Server(
            names=tuple(f"h{number}:9000" for number in range(1, servers + 1)),
            authorization=self.authorize,
            patience=Patience(5.0, 100_000, retry, Backoff(0.01, 1.0)),
            dice=lambda: 0.0,
            explain=lambda error, server: None,
            agent="test",
            gzip=compressed,
        )

    def authorize(self, renewed):
        self.asked.append(renewed)
        return "Bearer new" if renewed else "Bearer old"

    def run(self, flow):
        try:
            step = flow.send(None)
            while True:
                error = result = None
                match step:
                    case Exchange():
                        self.sent.append(step)
                        answer = self.answers[0]
                        if len(self.answers) > 1:
                            self.answers.pop(0)
                        if isinstance(answer, Exception):
                            error = answer
                        else:
                            result = answer
                    case Act(function):
                        result = function()
                    case Now():
                        result = self.now
                    case Sleep(seconds):
                        self.slept.append(seconds)
                        self.now += seconds
                step = flow.throw(error) if error else flow.send(result)
        except StopIteration as done:
            return done.value

    def deliver(self):
        return self.run(deliver(BATCH, self.server))


def ok():
    return Response(204, {}, b"")


def said(status, body=b"", **headers):
    return Response(status, headers, body)


def lost(stage=Stage.RECEIVE):
    return ExchangeError(stage, ConnectionResetError("reset"))


def test_a_batch_is_sent_once_if_it_is_taken():
    play = Play(ok())
    play.deliver()
    [exchange] = play.sent
    assert exchange.request.target == "/write?precision=n"
    assert exchange.request.body == BATCH.body
    assert exchange.request.headers["Authorization"] == "Bearer old"
    assert exchange.timeout == pytest.approx(5.0 + 21 / 100_000)


@pytest.mark.parametrize(
    "failure", [lost(Stage.CONNECT), lost(Stage.SEND), lost(), said(503), said(429)]
)
def test_what_may_pass_is_tried_again(failure):
    play = Play(failure, failure, ok())
    play.deliver()
    assert len(play.sent) == 3
    assert play.slept == [0.01, 0.02]


def test_a_server_may_say_how_long_to_wait():
    play = Play(said(503, **{"retry-after": "2"}), ok())
    play.deliver()
    assert play.slept == [2.0]


def test_but_not_longer_than_there_is_time():
    play = Play(said(503, **{"retry-after": "60"}))
    with pytest.raises(IngestError, match="retry_timeout=10000 ms, in 1 tries"):
        play.deliver()
    assert play.slept == []


def test_servers_take_turns_before_it_gets_slow():
    play = Play(lost(), said(421), lost(Stage.CONNECT), ok(), servers=3)
    play.deliver()
    assert [exchange.server for exchange in play.sent] == [0, 1, 2, 0]
    assert play.slept == [0.01, 0.01, 0.01]
    assert play.server.at == 0  # the next batch begins where this one was taken


def test_no_retries_are_no_retries():
    play = Play(lost(), retry=0.0)
    with pytest.raises(IngestError, match="in 1 tries"):
        play.deliver()
    assert len(play.sent) == 1


def test_time_runs_out_and_every_try_is_told():
    play = Play(lost(Stage.CONNECT), retry=0.05)
    with pytest.raises(IngestError, match="h1:9000: reset") as error:
        play.deliver()
    assert "kept" in str(error.value)
    assert "DEDUP" not in str(error.value)  # nothing was ever sent


@pytest.mark.parametrize("failure", [lost(), lost(Stage.SEND), said(504)])
def test_what_may_have_been_stored_unheard_is_told(failure):
    with pytest.raises(IngestError, match="doubles them, unless the table has DEDUP"):
        Play(failure, retry=0.0).deliver()


def test_a_refusal_names_the_row_and_is_not_repeated():
    play = Play(said(400, ROW))
    with pytest.raises(
        IngestError, match=r"(?s)refused 3 rows.*bad.*row 2: t x=2i"
    ) as e:
        play.deliver()
    assert len(play.sent) == 1
    assert (e.value.status, e.value.line, e.value.row) == (400, 2, "t x=2i")
    assert (e.value.server_message, e.value.error_id) == ("bad", "e1")


def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_is_stored(caplog):
    with pytest.raises(IngestError, match="An earlier try may have stored them"):
        Play(lost(), said(400, ROW)).deliver()
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "DEDUP keys" in record.getMessage()
    with pytest.raises(IngestError, match="None is stored"):
        Play(lost(Stage.CONNECT), said(400, ROW)).deliver()


def test_a_token_is_asked_for_anew_once():
    play = Play(said(401, b"Unauthorized"), ok())
    play.deliver()
    assert play.asked == [False, True]
    assert play.sent[1].request.headers["Authorization"] == "Bearer new"
    play = Play(said(401, b"Unauthorized"))
    with pytest.raises(IngestError, match="Check username and password, or token"):
        play.deliver()
    assert len(play.sent) == 2


def test_bodies_are_compressed_until_a_server_does_not_take_it():
    play = Play(said(415), ok(), compressed=True)
    play.deliver()
    first, second = (exchange.request for exchange in play.sent)
    assert first.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(first.body) == BATCH.body
    assert "Content-Encoding" not in second.headers
    assert second.body == BATCH.body
    assert play.server.gzip is False


class Growing(Batch, Stream):
    """Rows of which one more is there each time that it is asked for."""

    def parts(self):
        yield self.body
        yield self.whole()

    def whole(self):
        self.body, self.rows = BATCH.body, BATCH.rows
        return self.body

    @property
    def content(self):
        return self


def test_a_body_is_sent_in_chunks_until_a_server_does_not_take_it():
    play = Play(said(411), ok())
    growing = Growing(b"t x=1i\n", 1)
    play.run(deliver(growing, play.server))
    first, second = (exchange.request for exchange in play.sent)
    assert first.body is growing
    assert second.body == BATCH.body
    assert play.server.chunked is False
    assert play.slept == []


def test_a_length_that_was_given_is_not_given_again():
    play = Play(said(411))
    with pytest.raises(IngestError, match="HTTP 411"):
        play.deliver()
    assert len(play.sent) == 1


@pytest.mark.parametrize(
    ("answer", "version", "length"),
    [
        (said(404), 1, None),
        (said(200, b'{"release.version":"8.2.0"}'), 1, None),
        (said(200, b'{"config":{"line.proto.support.versions":[1,2]}}'), 2, None),
        (
            said(
                200,
                b'{"config":{"line.proto.support.versions":[1,2,3,4],'
                b'"cairo.max.file.name.length":64}}',
            ),
            3,
            64,
        ),
    ],
)
def test_the_newest_version_that_both_know_is_agreed_on(answer, version, length):
    play = Play(lost(), answer)
    assert play.run(negotiate(play.server)) == (version, length)
    assert play.sent[0].request.target == "/settings"


def test_a_server_that_says_nothing_of_itself_is_asked_again():
    play = Play(said(502), said(200, b"<html>"), said(404))
    assert play.run(negotiate(play.server)).version == 1
    assert len(play.sent) == 3

"""What is tried again by TCP, how long is waited, and what is said; no network."""

from __future__ import annotations

import errno
import logging

import pytest

from moorline.core.steps import Act, Now, Sleep
from moorline.errors import ConfigError, IngestError
from moorline.net.tcp import (
    Dial,
    Drop,
    EndedError,
    Finish,
    LocalAddressError,
    Receive,
    Send,
)
from moorline.questdb.batch import Batch
from moorline.questdb.settings import settings_of
from moorline.questdb.tcp import Line, deliver, leave

BATCH = Batch(b"t x=1i\n" * 3, 3)


class Play:
    """A clock, and a server that is a list of what each dial and each look bring."""

    def __init__(self, **options):
        self.line = Line.of(settings_of("tcp", {"addr": "h", **options}), None)
        self.line.dice = lambda: 0.0
        self.now = 100.0
        self.dials = []  # an error, or the seconds that it took
        self.news = []  # what each look brings; `None` when there is no more
        self.sends = []  # errors
        self.done = []

    def run(self, flow):
        try:
            step = flow.send(None)
            while True:
                try:
                    result = self.perform(step)
                except OSError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def perform(self, step):
        match step:
            case Now():
                return self.now
            case Act(function):
                return function()
        self.done.append(step)
        match step:
            case Sleep(seconds):
                self.now += seconds
            case Dial():
                self.take(self.dials)
            case Send():
                self.take(self.sends)
            case Receive(timeout):
                news = self.take(self.news)
                self.now += timeout if news is None else 0.0
                return news
        return None

    def take(self, script):
        one = script.pop(0) if script else None
        if isinstance(one, Exception):
            raise one
        if isinstance(one, float):
            self.now += one
        return one

    def deliver(self):
        self.run(deliver(BATCH, self.line))

    def of(self, kind):
        return [step for step in self.done if isinstance(step, kind)]


def refused():
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def test_the_first_batch_is_followed_by_a_moment_and_others_are_not():
    play = Play()
    play.deliver()
    play.deliver()
    assert [step.data for step in play.of(Send)] == [BATCH.body] * 2
    looks = [step.timeout for step in play.of(Receive)]
    assert looks == pytest.approx([0.1, 0.0, 0.0])
    assert len(play.of(Dial)) == 1


@pytest.mark.parametrize(("took", "pace"), [(0.2, 0.5), (5.0, 1.1)])
def test_the_moment_is_longer_for_a_server_that_is_far_away(took, pace):
    play = Play()
    play.dials = [took]
    play.deliver()
    [look] = play.of(Receive)
    assert look.timeout == pytest.approx(pace)


def test_opening_is_tried_again_with_growing_pauses():
    play = Play()
    play.dials = [refused(), TimeoutError("timed out"), refused()]
    play.deliver()
    assert [step.seconds for step in play.of(Sleep)] == [0.01, 0.02, 0.04]
    assert [step.timeout for step in play.of(Dial)] == pytest.approx(
        [15.0, 14.99, 14.97, 14.93]
    )
    assert len(play.of(Send)) == 1


def test_opening_ends_with_its_time_and_every_try_is_told():
    play = Play(auth_timeout=50)
    play.dials = [OSError(111, "Connection refused") for _ in range(9)]
    with pytest.raises(IngestError) as raised:
        play.deliver()
    assert str(raised.value) == (
        "tcp://h:9009: there was no connection within auth_timeout=50 ms, in 3 tries:\n"
        "  [Errno 111] Connection refused\n"
        "  [Errno 111] Connection refused\n"
        "  [Errno 111] Connection refused\n"
        "Is the server up, and is the port right? It is 9009 for TCP.\n"
        "None of the 3 rows was sent; all are still in the buffer."
    )
    assert isinstance(raised.value.__cause__, OSError)
    assert play.of(Send) == []
    assert play.line.talk is None


def test_what_went_wrong_before_the_time_ran_out_is_what_is_told():
    play = Play(auth_timeout=30)
    play.dials = [EndedError("the server closed the connection"), TimeoutError("late")]
    with pytest.raises(IngestError) as raised:
        play.deliver()
    assert isinstance(raised.value.__cause__, EndedError)
    assert "  late\n" in str(raised.value)


def test_a_wrong_local_address_is_not_tried_again():
    play = Play(bind_interface="192.0.2.1")
    play.dials = [LocalAddressError(99, "Cannot assign requested address")]
    with pytest.raises(IngestError, match=r"bind_interface=192\.0\.2\.1"):
        play.deliver()
    assert play.of(Sleep) == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BrokenPipeError(32, "Broken pipe"), "while it was sent 3 rows"),
        (TimeoutError("timed out"), "took nothing for auth_timeout=15000 ms, amid 3"),
    ],
)
def test_a_batch_that_was_begun_is_not_sent_again(error, says):
    play = Play()
    play.sends = [error]
    with pytest.raises(IngestError, match=says) as raised:
        play.deliver()
    assert len(play.of(Send)) == len(play.of(Dial)) == 1
    assert "doubles those, unless the table has DEDUP" in str(raised.value)
    play.deliver()  # anew, if the caller says so
    assert len(play.of(Dial)) == 2


def test_no_view_of_a_batch_is_left_when_it_fails():
    """So that it can be put back, while the error is still at hand."""
    play = Play()
    play.sends = [None, BrokenPipeError(32, "Broken pipe")]
    body = bytearray(BATCH.body * 10_000)
    with pytest.raises(IngestError) as raised:
        play.run(deliver(Batch(body, 30_000), play.line))
    body.clear()  # BufferError, if there were one
    assert raised.value.__traceback__ is not None


@pytest.mark.parametrize("when", ["first", "later"])
def test_a_server_that_closes_right_after_a_batch(when):
    play = Play()
    if when == "later":
        play.deliver()
        play.news = [None]
    play.news.append(b"")
    with pytest.raises(IngestError, match="or right after"):
        play.deliver()
    assert isinstance(play.done[-1], Drop)
    assert play.line.talk is None


@pytest.mark.parametrize("end", [b"", ConnectionResetError(104, "reset")])
def test_a_server_that_has_closed_meanwhile_gets_nothing(end):
    play = Play()
    play.deliver()
    play.news = [end]
    with pytest.raises(IngestError, match="None of the 3 rows was sent"):
        play.deliver()
    assert len(play.of(Send)) == 1
    play.deliver()
    assert len(play.of(Dial)) == 2


@pytest.mark.parametrize(("version", "least"), [(2, "9.0"), (3, "9.2")])
def test_an_old_server_is_a_cause_for_new_versions_only(version, least):
    play = Play(protocol_version=version)
    play.news = [b""]
    with pytest.raises(IngestError) as raised:
        play.deliver()
    needs = f"older than {least}, which protocol_version={version} needs"
    assert needs in str(raised.value)
    play = Play()
    play.news = [b""]
    with pytest.raises(IngestError) as raised:
        play.deliver()
    assert "older than" not in str(raised.value)


@pytest.mark.parametrize(
    ("news", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "answered in HTTP"),
        (b"a challenge\n", "asks for a key"),
        (b"what?", r"answered, as QuestDB does not by TCP: b'what\?'"),
        (bytes.fromhex("15030100020246"), "the server speaks TLS here"),
    ],
)
def test_a_server_that_answers_rows(news, says):
    play = Play()
    play.news = [news]
    with pytest.raises(Exception, match=says) as raised:
        play.deliver()
    told = "\n".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
    assert "None of the 3 rows is stored; all are still in the buffer" in told


def test_a_late_challenge_is_told_as_such():
    play = Play()
    play.deliver()
    play.news = [b"a challenge\n"]
    with pytest.raises(IngestError, match="asks for a key") as raised:
        play.deliver()
    assert "It has stored no rows" in str(raised.value)


# --- logging in -----------------------------------------------------------------------

KEY = {"username": "kid", "token": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}


def test_a_key_is_looked_at_before_anything_is_said():
    play = Play(username="kid", token="A" * 43)
    with pytest.raises(ConfigError, match="it is no private key"):
        play.deliver()
    assert play.done == []


def test_rows_follow_the_signature_after_a_moment():
    play = Play(**KEY)
    play.news = [b"a challenge\n"]
    play.deliver()
    kid, signature, rows = [step.data for step in play.of(Send)]
    assert (kid, rows) == (b"kid\n", BATCH.body)
    assert len(signature) == 88 + 1
    assert signature.endswith(b"\n")
    looks = [step.timeout for step in play.of(Receive)]
    assert looks == pytest.approx([15.0, 0.1, 0.1])


@pytest.mark.parametrize("end", [b"", ConnectionResetError(104, "reset")])
def test_a_signature_that_is_not_taken_is_not_sent_again(end):
    play = Play(**KEY)
    play.news = [b"a challenge\n", end]
    with pytest.raises(IngestError, match="did not take the key"):
        play.deliver()
    assert len(play.of(Dial)) == 1
    assert BATCH.body not in [step.data for step in play.of(Send)]


@pytest.mark.parametrize("end", [b"", ConnectionResetError(104, "reset")])
def test_a_server_that_ends_before_its_challenge_may_be_starting(end):
    play = Play(**KEY)
    play.news = [end, b"a challenge\n"]
    play.deliver()
    assert len(play.of(Dial)) == 2


def test_what_is_no_challenge_is_not_signed():
    play = Play(**KEY)
    play.news = [b"x" * 5000]
    with pytest.raises(IngestError, match="what answered the key's id is no challenge"):
        play.deliver()
    assert len(play.of(Send)) == len(play.of(Dial)) == 1
    assert isinstance(play.done[-1], Drop)


# --- leaving --------------------------------------------------------------------------


@pytest.mark.parametrize(("since", "waits"), [(0.0, 0.1), (0.04, 0.06), (3.0, 0.0)])
def test_leaving_waits_for_the_rest_of_the_moment(since, waits):
    play = Play()
    play.deliver()
    play.deliver()
    play.now += since
    play.done.clear()
    play.news = [None, b""]
    play.run(leave(play.line))
    look, _ = play.of(Receive)
    assert look.timeout == pytest.approx(waits)
    assert play.of(Finish)
    assert isinstance(play.done[-1], Drop)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_server_that_did_not_read_everything(where):
    play = Play()
    play.deliver()
    reset = ConnectionResetError(104, "reset")
    play.news = [reset] if where == "before" else [None, reset]
    with pytest.raises(IngestError, match="those behind it are not stored either"):
        play.run(leave(play.line))


def test_a_server_that_does_not_leave_is_waited_for_and_warned_of(caplog):
    play = Play(auth_timeout=700)
    play.deliver()
    play.done.clear()
    play.run(leave(play.line))
    assert play.of(Receive)[-1].timeout == pytest.approx(0.7)
    [record] = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "it may still have to read the last rows" in record.getMessage()


def test_without_a_connection_there_is_nothing_to_leave():
    play = Play()
    play.run(leave(play.line))
    assert play.done == []


@pytest.mark.parametrize("steps", range(1, 9))
def test_wherever_a_batch_is_broken_off_the_next_one_opens_anew(steps):
    play = Play()
    flow = deliver(BATCH, play.line)
    step = flow.send(None)
    for _ in range(steps):
        try:
            step = flow.send(play.perform(step))
        except StopIteration:
            break
    else:
        flow.close()
        assert play.line.talk is None
        play.done.clear()
    play.deliver()
    assert len(play.of(Dial)) == 1

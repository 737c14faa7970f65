"""What is said and heard over TCP, by a script instead of a socket."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.steps import Now
from moorline.lab.tls import CA_FILE, certificate, key
from moorline.net.tcp import Dial, Drop, EndedError, Finish, Receive, Send, Talk


class Play:
    """Performs steps: each `Receive` takes the next of what comes, in a second."""

    def __init__(self, *comes):
        self.comes = list(comes)
        self.now = 100.0
        self.said = []
        self.steps = []

    def run(self, flow):
        try:
            step = flow.send(None)
            while True:
                step = flow.send(self.perform(step))
        except StopIteration as done:
            return done.value

    def perform(self, step):
        match step:
            case Now():
                return self.now
            case Send(data):
                self.said.append(data)
            case Receive(timeout):
                if not self.comes:
                    self.now += timeout
                    return None
                self.now += min(timeout, 1.0)
                return self.comes.pop(0)
            case _:
                self.steps.append(step)
        return None


def test_the_time_that_is_left_is_for_opening():
    play = Play()
    play.run(Talk().open(103.5))
    assert play.steps == [Dial(3.5)]
    with pytest.raises(TimeoutError):
        play.run(Talk().open(100.0))


@given(st.binary(max_size=300_000), st.sampled_from([bytes, bytearray, memoryview]))
def test_all_is_said_in_pieces(data, kind):
    play = Play()
    play.run(Talk().say(kind(data), 1.0))
    assert b"".join(play.said) == data
    assert all(0 < len(piece) <= 65536 for piece in play.said)


def test_no_view_of_what_is_said_is_kept_meanwhile():
    data = bytearray(200_000)
    flow = Talk().say(data, 2.0)
    step = flow.send(None)
    data.clear()  # BufferError, if there were one
    assert step.timeout == 2.0
    assert "00" not in repr(step)


@given(st.binary(max_size=50), st.data())
def test_a_line_is_heard_in_whatever_pieces_it_comes(rest, data):
    line = data.draw(st.binary(max_size=50).filter(lambda one: b"\n" not in one))
    whole = line + b"\n" + rest
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole)), max_size=5)))
    pieces = [
        whole[a:b]
        for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)
        if b > a
    ]
    play, talk = Play(*pieces), Talk()
    assert play.run(talk.hear_line(50, 1000.0)) == line
    # What came behind it is not lost.
    left = b"".join(play.run(talk.watch(0.0)) or b"" for _ in range(7))
    assert left == rest


@pytest.mark.parametrize(
    ("comes", "error"),
    [
        ([b"abc", b""], EndedError),
        ([], TimeoutError),
        ([b"a"] * 5, TimeoutError),
        ([b"a" * 11], ValueError),
        ([b"a" * 11 + b"\n"], ValueError),
        ([b"a" * 9, b"bcd"], ValueError),
    ],
)
def test_a_line_that_does_not_come(comes, error):
    with pytest.raises(error):
        Play(*comes).run(Talk().hear_line(10, 104.5))


@pytest.mark.parametrize(
    ("comes", "seen"), [([], None), ([b""], b""), ([b"x", b"y"], b"x")]
)
def test_what_comes_within_a_moment(comes, seen):
    assert Play(*comes).run(Talk().watch(0.5)) == seen


@pytest.mark.parametrize(("comes", "has_left"), [([b"x", b""], True), ([b"x"], False)])
def test_leaving_waits_for_the_other_side(comes, has_left):
    play = Play(*comes)
    assert play.run(Talk().leave(5.0)) == has_left
    assert play.steps == [Finish(), Drop()]
    assert play.said == []


# --- TLS, between both sides and no socket -------------------------------------------


class Server(Play):
    """Answers in TLS; what it has heard is in `heard`."""

    def __init__(self, context):
        super().__init__()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.side = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.heard = bytearray()
        self.error = None

    def perform(self, step):
        if not isinstance(step, Send):
            return super().perform(step)
        self.incoming.write(step.data)
        try:
            self.side.do_handshake()
            while data := self.side.read(65536):
                self.heard += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error
        self.deliver()
        return None

    def deliver(self):
        data = self.outgoing.read()
        # In odd pieces, as they may come.
        self.comes += [data[at : at + 100] for at in range(0, len(data), 100)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from moorline.lab.questdb_certificates import issue  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("certificates")
    issue(folder)
    return folder


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def server(request, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, "good"), key(folder, "good"))
    context.maximum_version = ssl.TLSVersion[request.param]
    return Server(context)


def trusting(folder):
    return ssl.create_default_context(cafile=folder / CA_FILE)


@pytest.fixture
def talk(server, folder):
    talk = Talk()
    server.run(talk.secure(trusting(folder), "localhost", 1000.0))
    return talk


def test_what_is_said_within_tls_arrives(server, talk):
    data = bytes(range(256)) * 1000
    server.run(talk.say(data, 1.0))
    assert server.heard == data


def test_what_tls_says_of_itself_is_nothing(server, talk):
    """Such as the tickets of TLS 1.3, which come after the handshake."""
    assert server.run(talk.watch(30.0)) is None
    assert server.comes == []


def test_what_is_told_within_tls_is_heard(server, talk):
    server.side.write(b"challenge\nmore")
    server.deliver()
    assert server.run(talk.hear_line(50, 1000.0)) == b"challenge"
    assert server.run(talk.watch(1.0)) == b"more"


@pytest.mark.parametrize("how", ["told", "not told"])
def test_the_end_is_seen_whether_tls_tells_it_or_not(server, talk, how):
    if how == "told":
        with pytest.raises(ssl.SSLWantReadError):
            server.side.unwrap()
        server.deliver()
    else:
        server.comes.append(b"")
    assert server.run(talk.watch(30.0)) == b""
    server.comes.append(b"")
    with pytest.raises(EndedError):
        server.run(talk.hear_line(50, 1000.0))


def test_leaving_is_told_within_tls(server, talk):
    server.run(talk.watch(30.0))
    server.comes.append(b"")
    assert server.run(talk.leave(5.0))
    assert server.side.read(1) == b""  # the server heard that this was the end


@pytest.mark.parametrize("host", ["localhost", "other.example"])
def test_a_server_that_is_refused_is_told_so(server, folder, host):
    context = trusting(folder) if host != "localhost" else ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        server.run(Talk().secure(context, host, 1000.0))
    assert "ALERT" in server.error.reason
    assert server.heard == b""


def test_a_server_that_hangs_up_on_the_hello(folder):
    play = Play(b"")
    with pytest.raises(ssl.SSLError) as raised:
        play.run(Talk().secure(trusting(folder), "localhost", 1000.0))
    assert raised.value.reason == "UNEXPECTED_EOF_WHILE_READING"


def test_a_server_that_says_nothing_to_the_hello(folder):
    with pytest.raises(TimeoutError):
        Play().run(Talk().secure(trusting(folder), "localhost", 105.0))

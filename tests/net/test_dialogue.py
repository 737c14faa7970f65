"""Requests and answers as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.net import dialogue as tested
from moorline.net.dialogue import Dialogue
from moorline.net.http import ExchangeError, Request, Response, Stream

OK = b"HTTP/1.1 204 No Content\r\nX-Served-By: Me\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
)


class Parts(Stream):
    def __init__(self, *parts):
        self._parts = parts

    def parts(self):
        yield from self._parts


def said(dialogue, request):
    """Return what is sent in all."""
    dialogue.say(request)
    pieces, body = [], request.body
    for part in body.parts() if isinstance(body, Stream) else [body]:
        pieces += dialogue.framed(part)
    return b"".join(bytes(piece) for piece in [*pieces, dialogue.end()])


def ask(body=b"", **headers):
    dialogue = Dialogue("h:9000")
    return dialogue, said(dialogue, Request("POST", "/write?x=1", headers, body))


def test_a_request_is_a_head_and_the_body_as_it_is():
    _, whole = ask(b"t x=1i\n", Authorization="Bearer s3cret")
    assert whole == (
        b"POST /write?x=1 HTTP/1.1\r\nHost: h:9000\r\nContent-Length: 7\r\n"
        b"Authorization: Bearer s3cret\r\n\r\nt x=1i\n"
    )


def test_a_body_is_not_copied():
    dialogue, body = Dialogue("h:9000"), b"t x=1i\n"
    dialogue.say(Request("POST", "/write", {}, body))
    head, sent = dialogue.framed(body)
    assert (head[:4], head[-4:], sent is body) == (b"POST", b"\r\n\r\n", True)
    assert dialogue.end() == b""


def test_a_body_whose_length_nobody_knows_is_sent_in_chunks():
    dialogue = Dialogue("h:9000")
    stream = Parts(b"t x=1i\n", b"", memoryview(b"t x=2i\n" * 3))
    assert said(dialogue, Request("POST", "/write", {}, stream)) == (
        b"POST /write HTTP/1.1\r\nHost: h:9000\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"7\r\nt x=1i\n\r\n" + b"15\r\n" + b"t x=2i\n" * 3 + b"\r\n0\r\n\r\n"
    )
    assert dialogue.hear(OK).status == 204
    assert dialogue.goes_on()
    assert said(dialogue, Request("GET", "/settings", {})).endswith(b"0\r\n\r\n")


def test_an_answer_may_come_before_the_body_has_ended():
    dialogue = Dialogue("h:9000")
    dialogue.say(Request("POST", "/write", {}, Parts(b"a")))
    dialogue.framed(b"a")
    assert dialogue.hear(OK).status == 204
    assert not dialogue.goes_on()


def test_no_repr_shows_what_is_sent():
    request = Request("GET", "/", {"Authorization": "Bearer s3cret"}, b"s3cret")
    assert "s3cret" not in repr(request)


@given(st.sampled_from([OK, CHUNKED]), st.lists(st.integers(1, 20), max_size=12))
def test_an_answer_may_come_in_pieces(answer, sizes):
    dialogue, _ = ask()
    found, rest = None, answer
    for size in [*sizes, len(answer)]:
        piece, rest = rest[:size], rest[size:]
        if piece and found is None:
            found = dialogue.hear(piece)
    assert found is not None
    if answer is OK:
        assert found == Response(204, {"x-served-by": "Me"}, b"")
    else:
        assert (found.status, found.body) == (200, b"abcde")


def test_another_request_may_follow():
    dialogue, _ = ask(b"a")
    assert dialogue.hear(OK).status == 204
    assert dialogue.goes_on()
    dialogue.say(Request("GET", "/settings", {}))
    assert dialogue.hear(CHUNKED).body == b"abcde"


def test_but_not_if_the_server_says_so():
    dialogue, _ = ask()
    dialogue.hear(b"HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert not dialogue.goes_on()


def test_what_comes_first_is_no_answer():
    dialogue, _ = ask()
    assert dialogue.hear(b"HTTP/1.1 100 Continue\r\n\r\n") is None
    assert dialogue.hear(OK).status == 204


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-x\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 2"]
)
def test_what_is_no_answer_is_an_error(data):
    dialogue, _ = ask()
    with pytest.raises(ExchangeError) as error:
        dialogue.hear(data) or dialogue.hear(b"")
    assert error.value.stage == "receive"


def test_an_answer_has_a_limit(monkeypatch):
    monkeypatch.setattr(tested, "LARGEST_ANSWER", 4)
    dialogue, _ = ask()
    with pytest.raises(ExchangeError, match="too large"):
        dialogue.hear(CHUNKED)

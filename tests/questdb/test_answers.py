from __future__ import annotations

import pytest

from moorline.net.http import Response
from moorline.questdb.answers import Meaning, complaint_of, meaning_of, wait_of

ROW = (
    b'{"code":"invalid","message":"failed to parse line protocol:errors encountered on '
    b'line(s):\\nerror in line 2: table: t, column: x; cast error","line":2,'
    b'"errorId":"667c-1"}'
)
INTERNAL = b'{"code":"internal error","message":"write error","line":1,"errorId":"e"}'


def answer(status, body=b"", **headers):
    return Response(status, headers, body)


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (204, b"", Meaning.ACCEPTED),
        (200, b"", Meaning.ACCEPTED),
        (400, ROW, Meaning.REFUSED),
        (401, b"Unauthorized", Meaning.UNAUTHORIZED),
        (403, b"", Meaning.REFUSED),
        (404, b"", Meaning.REFUSED),
        (413, b"", Meaning.REFUSED),
        *(
            (status, b"", Meaning.AGAIN)
            for status in (408, 421, 425, 429, 500, 502, 503, 504, 507, 509)
        ),
        *((status, b"", Meaning.AGAIN) for status in (523, 524, 529, 599)),
        # About a row: it would be said again.
        (500, INTERNAL, Meaning.REFUSED),
        (500, b'{"code":"internal error","message":"disk"}', Meaning.AGAIN),
        (301, b"", Meaning.REFUSED),
    ],
)
def test_what_an_answer_means(status, body, meaning):
    assert meaning_of(answer(status, body)) is meaning


def test_a_server_without_gzip_gets_it_plain():
    assert meaning_of(answer(415), gzipped=True) is Meaning.PLAIN
    assert meaning_of(answer(415)) is Meaning.REFUSED


def test_an_error_is_read_whatever_its_type_is_called():
    said = complaint_of(answer(400, ROW, **{"content-type": "whatever"}))
    assert said == (400, "invalid", "table: t, column: x; cast error", 2, "667c-1")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "HTTP status 502, without a word"),
        (b"<html>Bad Gateway</html>\n", "<html>Bad Gateway</html>"),
        (b"[1]", "[1]"),
        (b'"text"', '"text"'),
        (b"\xff", "\ufffd"),
        (b'{"message":"m","line":"x"}', "m"),
    ],
)
def test_what_is_no_json_is_told_as_it_is(body, message):
    said = complaint_of(answer(502, body))
    assert (said.message, said.line) == (message, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3", 3.0), (" 0 ", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)],
)
def test_how_long_a_server_asks_to_wait(text, seconds):
    assert wait_of(answer(503, **{"retry-after": text})) == seconds
    assert wait_of(answer(503)) is None

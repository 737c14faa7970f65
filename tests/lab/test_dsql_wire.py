from __future__ import annotations

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from moorline.lab.dsql_wire import (
    Failure,
    Frames,
    Startup,
    message,
    parse,
    query,
    read_failure,
    read_startup,
    startup,
    texts,
)

VERSION = 196608
MESSAGES = [query("select 1"), message(b"S", b""), message(b"d", b"x" * 300), parse("")]


@given(st.lists(st.integers(0, sum(map(len, MESSAGES)))))
def test_messages_are_whole_however_they_come(cuts):
    stream = b"".join(MESSAGES)
    frames, found = Frames(), []
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        found += frames.feed(stream[start:end])
    assert found == MESSAGES


def test_a_length_that_cannot_be_ends_nothing_and_hangs_nowhere():
    assert Frames().feed(b"Q\0\0\0\0") == [b"Q\0\0\0\0"]


def test_a_failure_is_written_and_read():
    failure = Failure("40001", "no", hint="try again", severity="FATAL")
    said = bytes(failure)
    assert said[:1] == b"E"
    assert struct.unpack("!I", said[1:5]) == (len(said) - 1,)
    assert said[5:] == b"SFATAL\0VFATAL\0C40001\0Mno\0Htry again\0\0"
    assert read_failure(said) == Failure("40001", "no", severity="FATAL")
    assert b"\0H" not in bytes(Failure("40001", "no"))


def test_a_startup_message_is_read():
    body = b"user\0ann\0application_name\0\0options\0-c a=1\0\0"
    given = read_startup(VERSION, body)
    assert given.parameters == {
        "user": "ann",
        "application_name": "",
        "options": "-c a=1",
    }
    assert startup(given, given.parameters)[8:] == body
    assert startup(given, given.parameters)[:8] == struct.pack(
        "!II", len(body) + 8, VERSION
    )


def test_a_request_to_cancel_is_passed_on_as_it_is():
    given = read_startup(80877102, b"12345678")
    assert given.parameters == {}
    assert startup(given, {"a": "b"}) == b"\0\0\0\x10\x04\xd2\x16.12345678"


def test_options_of_a_startup_message():
    options = r"-c a=1 -cb=two\ words  --c-d=\\  -c  e= -x amzn"
    assert Startup(VERSION, b"", {"options": options}).options == {
        "a": "1",
        "b": "two words",
        "c-d": "\\",
        "e": "",
    }
    assert Startup(VERSION, b"", {}).options == {}


def test_strings_at_the_beginning_of_a_message():
    assert texts(parse("select"), 2) == ["moorline", "select"]
    assert texts(query("a"), 1) == ["a"]
    assert texts(message(b"E", b"\0\0\0\0\0"), 1) == [""]

"""Configuration strings, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.errors import ConfigError
from moorline.questdb.confstr import parse

KEYS = st.text("abcXYZ_019", min_size=1, max_size=8)
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS))


def written(pairs, last=";"):
    text = "".join(f"{key}={value.replace(';', ';;')};" for key, value in pairs)
    return "http::" + text.removesuffix(";") + (last if pairs else "")


@given(st.dictionaries(KEYS, VALUES))
def test_what_was_written_is_read(values):
    pairs = tuple(values.items())
    assert parse(written(pairs)) == ("http", pairs)


@given(st.dictionaries(KEYS, VALUES.filter(lambda text: not text.endswith(";"))))
def test_the_last_semicolon_may_be_left_out(values):
    pairs = tuple(values.items())
    assert parse(written(pairs, last="")) == ("http", pairs)


@given(st.text())
def test_anything_is_read_or_refused(text):
    try:
        protocol, pairs = parse(text)
    except ConfigError:
        return
    assert protocol == text.partition("::")[0].lower()
    assert all(key for key, _ in pairs)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "there is no protocol at the beginning"),
        ("http", "there is no protocol"),
        ("http:addr=a", "there is no protocol"),
        ("ht tp::addr=a", "there is no protocol"),
        ("http::addr", "there is no key=value behind the protocol"),
        ("http:: addr=a", "there is no key=value behind the protocol"),
        ("http::=a", "there is no key=value behind the protocol"),
        ("http::;addr=a", "there is no key=value behind the protocol"),
        ("http::addr=a; user=b", "there is no key=value behind addr: write ;;"),
        ("http::addr=a;x=1;y", "there is no key=value behind key number 2"),
        ("http::addr=a;user=1;user=2", "user is given twice: leave one of them out"),
        ("http::addr=a;x=1;x=1", "key number 3 is given twice"),
        ("http::addr=a;user=a\nb", "user is malformed: there is a control character"),
        ("http::addr=a;x=\x9f", "key number 2 is malformed"),
    ],
)
def test_what_is_malformed(text, error):
    with pytest.raises(ConfigError) as raised:
        parse(text, {"addr", "user"})
    assert error in str(raised.value)


def test_only_addr_may_be_repeated():
    assert parse("http::addr=a;addr=b").pairs == (("addr", "a"), ("addr", "b"))


@pytest.mark.parametrize(
    ("value", "meant"),
    [(";;", ";"), ("a;;b", "a;b"), ("a;;;;b", "a;;b"), (";;;;;;", ";;;"), ("==", "==")],
)
def test_a_semicolon_is_written_twice(value, meant):
    assert parse(f"http::password={value};x=1") == (
        "http",
        (("password", meant), ("x", "1")),
    )


@given(st.lists(st.sampled_from([";", "=", " ", "\n", "hush", "x"])))
def test_an_error_repeats_no_piece_of_a_password(pieces):
    said = ""
    try:
        parse(f"http::user=me;password=hush{''.join(pieces)}", {"user", "password"})
    except ConfigError as error:
        said = str(error)
    assert "hush" not in said

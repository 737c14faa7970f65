"""Reading a whole conninfo; the oracle is libpq's own parser, through psycopg."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from moorline.core.conninfo import parse
from moorline.errors import ConfigError

NAMES = ["user", "password", "dbname", "host", "port", "sslmode", "options"]
words = st.sampled_from(
    [*NAMES, "=", " ", "'", "\\", "db1", "[::1]", "::1", "a%20b", "%zz", "%4", "\t"]
)
hosts = st.sampled_from(["", "db1", "[::1]", "[::1", "[::1]x", "a%62", "%2Ftmp", "%"])
ports = st.sampled_from(["", ":", ":5432", ":%35"])
users = st.sampled_from(["", "app@", "app:s%40cret@", ":@", "a%3Fb:p?w@", "%@", "a b@"])
paths = st.sampled_from(["", "/", "/app", "/a%3fb", "/a b", "/a/b", "/%"])
items = st.sampled_from(
    ["user=x", "host=y", "port=1", "dbname=%20", "options=a%3Db", "user", "=", "user=%"]
)


@st.composite
def uris(draw):
    head = draw(st.sampled_from(["postgresql://", "postgres://"])) + draw(users)
    head += ",".join(
        draw(hosts) + draw(ports) for _ in range(draw(st.integers(1, 2)))
    ) + draw(paths)
    query = draw(st.lists(items, max_size=3))
    return head + ("?" + "&".join(query) if query else "")


def by_libpq(text):
    try:
        return conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        return None


def by_us(text):
    try:
        return parse(text)
    except ConfigError:
        return None


@settings(max_examples=600, deadline=None)
@given(uris() | st.lists(words, max_size=9).map("".join))
@example("")
@example("postgresql://")
@example("host=a  user = 'b c' password=\\'")
def test_what_libpq_takes_is_read_alike_and_what_it_refuses_is_refused(text):
    theirs = by_libpq(text)
    ours = by_us(text)
    if theirs is not None:
        # libpq says nothing of what is empty in the authority.
        assert ours == theirs
    elif ours is not None:
        # What is left is names that libpq does not know.
        assert set(ours) - set(NAMES)


@pytest.mark.parametrize(
    "text",
    ["host", "host=a b", "host='a", "postgresql://u:s3cret@h/?x", "postgres://%zz"],
)
def test_a_malformed_conninfo_is_an_error_that_does_not_repeat_it(text):
    with pytest.raises(ConfigError) as raised:
        parse(text)
    assert "s3cret" not in str(raised.value)

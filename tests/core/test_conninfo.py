"""The oracle is libpq's own parser, through psycopg."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from moorline.core.address import Address
from moorline.core.conninfo import contact_points, split
from moorline.errors import ConfigError

OURS = frozenset({"load_balance", "topology_keys", "yb_servers_refresh_interval"})


def is_ours(name, value):
    return name in OURS


THEIRS = (
    "user",
    "password",
    "dbname",
    "application_name",
    "options",
    "sslmode",
    "host",
)

# libpq takes bytes that end with NUL; other characters are free.
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
tricky = st.text(" \t\n'\\=&?%@:/[],*ab1é", max_size=8)
value = values | tricky
pairs = st.lists(
    st.tuples(st.sampled_from(sorted(OURS) + list(THEIRS)), value, st.booleans()),
    max_size=8,
)


# Ways to write a conninfo of keywords.

spaces = st.text(" \t\n\v\f\r", max_size=2)
some_space = st.text(" \t\n\v\f\r", min_size=1, max_size=2)


def bare(value):
    return "".join(f"\\{c}" if c in " \t\n\v\f\r'\\" else c for c in value)


def quoted(value):
    return "'" + "".join(f"\\{c}" if c in "'\\" else c for c in value) + "'"


def slashed(value):
    """Every character behind a backslash: libpq takes it as it is."""
    return "'" + "".join(f"\\{c}" for c in value) + "'"


@st.composite
def keyword_conninfos(draw):
    """Draw a conninfo, the same without our options, and these."""
    text = without = draw(spaces)
    ours = {}
    for name, value, is_bare in draw(pairs):
        write = bare if is_bare and value else draw(st.sampled_from([quoted, slashed]))
        after = draw(some_space if write is bare else spaces)
        item = f"{name}{draw(spaces)}={draw(spaces)}{write(value)}{after}"
        text += item
        if name in OURS:
            ours[name] = value
        else:
            without += item
    return text, without, ours


@settings(max_examples=400, deadline=None)
@given(keyword_conninfos())
def test_our_options_are_taken_out_of_keywords_and_libpq_reads_the_rest_as_before(
    drawn,
):
    text, without, ours = drawn
    taken = split(text, is_ours)
    assert taken.options == ours
    assert conninfo_to_dict(taken.rest) == conninfo_to_dict(without)
    assert set(taken.names) == conninfo_to_dict(without).keys()


# Ways to write a URI.


def percent(draw, text, safe=""):
    """Write some characters as %XX: all those that must be, others as drawn."""
    plain = draw(st.sampled_from(["abcdefghijklmnopqrstuvwxyz_", "ab", ""]))
    return "".join(
        c if c in plain or c in safe else "".join(f"%{b:02x}" for b in c.encode())
        for c in text
    )


hosts = st.sampled_from(
    ["", "db1", "10.0.0.1", "[::1]", "[fe80::1%25eth0]", "%2Ftmp", "d%62"]
)
netlocs = st.tuples(hosts, st.sampled_from(["", ":5433", ":"])).map("".join)


@st.composite
def uris(draw):
    """Draw a URI, the same without our options, and these."""
    user = draw(st.sampled_from(["", "app@", "app:s%40cret@", ":@", "a%3Fb:p?w@"]))
    head = draw(st.sampled_from(["postgresql://", "postgres://"])) + user
    head += ",".join(draw(st.lists(netlocs, min_size=1, max_size=3)))
    path = draw(st.sampled_from(["", "/", "/app", "/a%3fb", "/load_balance=true"]))
    head += path
    # Before any "@" or "/", libpq takes whatever there is for a user.
    free = "*,.:?/@" if user or path else "*,.:?"
    items, theirs, ours = [], [], {}
    for name, value, is_encoded in draw(pairs):
        name_text = percent(draw, name) if is_encoded else name
        item = f"{name_text}={percent(draw, value, safe=free)}"
        items.append(item)
        if name in OURS:
            ours[name] = value
        else:
            theirs.append(item)
    end = draw(st.sampled_from(["", "&"])) if items else ""
    bare = draw(st.sampled_from(["", "?"]))
    text = head + ("?" + "&".join(items) + end if items else bare)
    without = head + ("?" + "&".join(theirs) if theirs else "")
    return text, without, ours


@settings(max_examples=400, deadline=None)
@given(uris())
def test_our_options_are_taken_out_of_a_uri_and_libpq_reads_the_rest_as_before(drawn):
    text, without, ours = drawn
    taken = split(text, is_ours)
    assert taken.options == ours
    assert conninfo_to_dict(taken.rest) == conninfo_to_dict(without)


@pytest.mark.parametrize(
    ("text", "options", "rest"),
    [
        ("", {}, ""),
        ("load_balance=true", {"load_balance": "true"}, ""),
        ("load_balance = true host=h", {"load_balance": "true"}, " host=h"),
        ("host=h load_balance=", {"load_balance": ""}, "host=h "),
        ("host='h'load_balance='a b'user=u", {"load_balance": "a b"}, "host='h'user=u"),
        ("load_balance=a load_balance=b", {"load_balance": "b"}, " "),
        (r"load_balance='it\'s\\'", {"load_balance": "it's\\"}, ""),
        ("load_balance=a'b", {"load_balance": "a'b"}, ""),
        ("load_balance=true\\", {"load_balance": "true"}, ""),
        ("LOAD_BALANCE=true", {}, "LOAD_BALANCE=true"),
        ("host='load_balance=true'", {}, "host='load_balance=true'"),
        # Malformed: left for libpq to name the error.
        ("load_balance", {}, "load_balance"),
        ("load_balance='true", {}, "load_balance='true"),
        ("host h load_balance=true", {}, "host h load_balance=true"),
        (
            "postgresql://h?load_balance=true",
            {"load_balance": "true"},
            "postgresql://h",
        ),
        (
            "postgres://h/?a=b&load_balance=x",
            {"load_balance": "x"},
            "postgres://h/?a=b",
        ),
        (
            "postgres://h/?load_balance=x&a=b",
            {"load_balance": "x"},
            "postgres://h/?a=b",
        ),
        (
            "postgres://h/?a=b&load_balance=x&c=d",
            {"load_balance": "x"},
            "postgres://h/?a=b&c=d",
        ),
        ("postgres://h/?load_balance=x&", {"load_balance": "x"}, "postgres://h/?"),
        ("postgres://h/?%6coad_balance=%78", {"load_balance": "x"}, "postgres://h/"),
        ("postgres://h/?load_balance=x+y", {"load_balance": "x+y"}, "postgres://h/"),
        (
            "postgres://u:?load_balance=n@h/?load_balance=y",
            {"load_balance": "y"},
            "postgres://u:?load_balance=n@h/",
        ),
        ("postgres://h/?load_balance", {}, "postgres://h/?load_balance"),
        ("postgres://h/?load_balance=a=b", {}, "postgres://h/?load_balance=a=b"),
        ("postgres://h/?load_balance=%zz", {}, "postgres://h/?load_balance=%zz"),
        ("postgres://h/?load_balance=%00", {}, "postgres://h/?load_balance=%00"),
        ("postgres://h/?load_balance=%ff", {}, "postgres://h/?load_balance=%ff"),
        ("postgres://h/?load_balance=%4", {}, "postgres://h/?load_balance=%4"),
        ("postgres://h/?load_balance=a b", {}, "postgres://h/?load_balance=a b"),
        # No URI: the name is "postgres:/h?load_balance", which is not ours.
        ("postgres:/h?load_balance=x", {}, "postgres:/h?load_balance=x"),
    ],
)
def test_examples(text, options, rest):
    taken = split(text, is_ours)
    assert (taken.options, taken.rest) == (options, rest)


any_text = st.text(st.characters(), max_size=40)
uri_texts = st.builds(
    "{}{}?{}".format,
    st.sampled_from(["postgres://", "postgresql://"]),
    any_text,
    any_text,
)
pieces = [
    "load_balance",
    "host",
    "=",
    "'",
    "\\",
    " ",
    "&",
    "?",
    "%",
    "postgres://",
    "@",
    "/",
    "a",
]
broken = st.lists(st.sampled_from(pieces), max_size=12).map("".join)


@settings(max_examples=200)
@given(any_text | uri_texts | broken)
@example(
    "postgres://h/?application_name=\udcff"
)  # from a variable in no known encoding
def test_any_text_is_split_and_stays_as_it_is_without_our_options(text):
    taken = split(text, is_ours)
    if not taken.options:
        assert taken.rest == text
    assert split(text, lambda name, value: False) == (
        {},
        text,
        split(text, lambda name, value: False).names,
    )


@given(broken)
def test_what_libpq_refuses_is_refused_without_our_options_too(text):
    """Nothing malformed becomes well-formed by the cut, unless the flaw was ours."""
    taken = split(text, is_ours)
    if not taken.options:
        assert outcome(taken.rest) == outcome(text)


def outcome(text):
    try:
        return conninfo_to_dict(text)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the same
        return str(error)


# Contact points.


def points(**params):
    found = contact_points(params, 5432)
    return [(a.host, a.port, a.hostaddr) for a in found]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [("", 5432, "")]),
        ({"host": "a"}, [("a", 5432, "")]),
        ({"host": "a", "port": "5433"}, [("a", 5433, "")]),
        ({"host": "a,b", "port": "5433"}, [("a", 5433, ""), ("b", 5433, "")]),
        ({"host": "a,b", "port": "1,2"}, [("a", 1, ""), ("b", 2, "")]),
        ({"host": "a,b", "port": "1,"}, [("a", 1, ""), ("b", 5432, "")]),
        ({"host": "a,,b"}, [("a", 5432, ""), ("", 5432, ""), ("b", 5432, "")]),
        ({"host": "a,a"}, [("a", 5432, ""), ("a", 5432, "")]),
        ({"hostaddr": "1.1.1.1,::1"}, [("", 5432, "1.1.1.1"), ("", 5432, "::1")]),
        (
            {"host": "a,b", "hostaddr": "1.1.1.1,2.2.2.2", "port": "7"},
            [("a", 7, "1.1.1.1"), ("b", 7, "2.2.2.2")],
        ),
        ({"host": "/run,::1", "port": "1,2"}, [("/run", 1, ""), ("::1", 2, "")]),
        ({"host": "a", "port": " 5433 "}, [("a", 5433, "")]),
    ],
)
def test_contact_points_are_those_of_libpq(params, expected):
    assert points(**params) == expected
    assert isinstance(contact_points(params, 5432)[0], Address)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"host": "a,b", "port": "1,2,3"},
            "host=a,b port=1,2,3: give one port, or as many",
        ),
        ({"host": "a", "port": "1,2"}, "host=a port=1,2: give one port, or as many"),
        ({"host": "a,b", "hostaddr": "1.1.1.1"}, "host=a,b hostaddr=1.1.1.1: "),
        ({"host": "a", "port": "x"}, "port='x' is no number"),
        ({"host": "a,b", "port": "1,-2"}, "port='-2' is no number"),
        ({"host": "a", "port": "1.5"}, "port='1.5' is no number"),
    ],
)
def test_lists_that_do_not_match_are_refused(params, text):
    with pytest.raises(ConfigError) as raised:
        points(**params)
    assert str(raised.value).startswith(text)


@given(
    st.lists(st.tuples(hosts, st.integers(1, 65535)), min_size=1, max_size=4),
    st.sampled_from(["postgres://{}/app", "postgresql://u@{}"]),
)
def test_hosts_of_a_uri_become_its_contact_points(netlocs, form):
    uri = form.format(",".join(f"{host}:{port}" for host, port in netlocs))
    params = conninfo_to_dict(uri)
    found = contact_points({k: str(v) for k, v in params.items()}, 5432)
    assert [address.port for address in found] == [port for _, port in netlocs]
    assert ",".join(address.host for address in found) == params.get("host", "")

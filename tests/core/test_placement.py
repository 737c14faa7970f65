from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.placement import (
    Pattern,
    Placement,
    Tier,
    TopologyKey,
    parse_keys,
    tiers_of,
)
from moorline.errors import ConfigError

WEST = Placement("aws", "us-west", "2a")
names = st.text("abcXYZ019-_", min_size=1, max_size=5)
placements = st.builds(Placement, names, names, names)
patterns = st.tuples(placements, st.integers(0, 3)).map(
    lambda drawn: Pattern(*(*drawn[0][: 3 - drawn[1]], *"*" * drawn[1]))
)
keys = st.builds(TopologyKey, patterns, st.integers(1, 10))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aws.us-west.2a", [("aws.us-west.2a", 1)]),
        ("aws.us-west.2a:10", [("aws.us-west.2a", 10)]),
        ("aws.us-west.*:2, aws.*.*:3", [("aws.us-west.*", 2), ("aws.*.*", 3)]),
        ("*.*.*", [("*.*.*", 1)]),
        (" a.b.c:01 ,a.b.c", [("a.b.c", 1), ("a.b.c", 1)]),
    ],
)
def test_keys_are_read(text, expected):
    assert [(str(key.pattern), key.priority) for key in parse_keys(text)] == expected


@pytest.mark.parametrize(
    ("text", "part", "what"),
    [
        ("", "''", "empty"),
        ("a.b.c,", "''", "empty"),
        ("a.b.c,,d.e.f", "''", "empty"),
        ("a.b.c, ,d.e.f", "' '", "empty"),
        ("a.b.c,d.e", "'d.e'", "2 of 3 parts"),
        ("a.b.c.d", "'a.b.c.d'", "4 of 3 parts"),
        ("a..c", "'a..c'", "a part is empty"),
        (":1", "':1'", "1 of 3 parts"),
        ("a.b*.c", "'a.b*.c'", "whole part"),
        ("a.b.c*", "'a.b.c*'", "whole part"),
        ("a.*.c", "'a.*.c'", "trailing"),
        ("*.b.c", "'*.b.c'", "trailing"),
        ("*.b.*", "'*.b.*'", "trailing"),
        ("a.b.c:0", "'a.b.c:0'", "0 is not from 1 to 10"),
        ("a.b.c:11", "'a.b.c:11'", "11 is not from 1 to 10"),
        ("a.b.c:" + "1" * 5000, "", "not from 1 to 10"),  # beyond what int() reads
        ("a.b.c:-2", "'a.b.c:-2'", "no whole number"),
        ("a.b.c:+2", "'a.b.c:+2'", "no whole number"),
        ("a.b.c:", "'a.b.c:'", "no whole number"),
        ("a.b.c:a", "'a.b.c:a'", "no whole number"),
        ("a.b.c:1:2", "'a.b.c:1:2'", "no whole number"),
        ("a.b.c:1_0", "'a.b.c:1_0'", "no whole number"),
        ("a.b.c: 1", "'a.b.c: 1'", "no whole number"),
        ("a.b.c:٣", "'a.b.c:٣'", "no whole number"),
        ("a.b.c;a.b.d", "'a.b.c;a.b.d'", "5 of 3 parts"),
    ],
)
def test_a_bad_key_is_shown_with_the_grammar(text, part, what):
    with pytest.raises(ConfigError) as raised:
        parse_keys(text)
    message = str(raised.value)
    assert message.startswith("topology_keys=")
    assert all(piece in message for piece in (what, part, "write cloud.region.zone"))


@given(st.lists(keys, min_size=1, max_size=6))
def test_what_is_written_is_what_is_read(keys):
    text = ",".join(f"{key.pattern}:{key.priority}" for key in keys)
    assert parse_keys(text) == tuple(keys)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ConfigError):
        assert parse_keys(text)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("aws.us-west.2a", True),
        ("aws.us-west.*", True),
        ("aws.*.*", True),
        ("*.*.*", True),
        ("aws.us-west.2b", False),
        ("aws.us-east.*", False),
        ("AWS.us-west.2a", False),  # names are compared exactly
        ("aws.us-west.2", False),
    ],
)
def test_a_pattern_matches_exactly(pattern, matches):
    assert parse_keys(pattern)[0].pattern.matches(WEST) is matches


@given(patterns, placements)
def test_a_tier_of_one_pattern_holds_what_the_pattern_matches(pattern, placement):
    assert Tier((pattern,), 1).covers(placement) == pattern.matches(placement)


@pytest.mark.parametrize(
    ("text", "strict", "expected"),
    [
        ("", False, ["any node"]),
        ("", True, ["any node"]),
        ("a.b.c", True, ["priority 1: a.b.c"]),
        ("a.b.c", False, ["priority 1: a.b.c", "any node"]),
        ("a.b.c:2", True, ["priority 2: a.b.c"]),
        ("a.b.d:3,a.b.c:1", True, ["priority 1: a.b.c", "priority 3: a.b.d"]),
        ("a.b.c,a.b.d", True, ["priority 1: a.b.c, a.b.d"]),
        ("a.b.c,a.b.c", True, ["priority 1: a.b.c"]),
        ("a.b.c:1,a.b.c:2", True, ["priority 1: a.b.c", "priority 2: a.b.c"]),
        ("a.b.c:10,a.b.c:9", True, ["priority 9: a.b.c", "priority 10: a.b.c"]),
    ],
)
def test_keys_are_arranged_in_tiers(text, strict, expected):
    keys = parse_keys(text) if text else ()
    assert [str(tier) for tier in tiers_of(keys, strict=strict)] == expected


@given(st.lists(keys, max_size=8), st.booleans())
def test_tiers_lose_no_key_and_end_with_the_cluster_unless_strict(keys, strict):
    tiers = tiers_of(tuple(keys), strict=strict)
    held = {(p, tier.priority) for tier in tiers for p in tier.patterns}
    assert held == {(key.pattern, key.priority) for key in keys}
    assert (tiers[-1] == Tier()) is not (strict and bool(keys))
    priorities = [tier.priority for tier in tiers if tier.patterns]
    assert priorities == sorted(set(priorities))

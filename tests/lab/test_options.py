from __future__ import annotations

from dataclasses import fields

import pytest

from moorline.lab import LabError
from moorline.lab.options import Options, OptionsDict


def test_keyword_arguments_are_the_fields():
    assert list(OptionsDict.__annotations__) == [
        field.name for field in fields(Options)
    ]


def test_the_number_of_nodes_follows_from_what_is_given():
    assert Options().count == 3
    assert Options(nodes=5).count == len(Options(nodes=5).places) == 5
    assert Options(placements=["a.b.c", "a.b.d"]).count == 2
    assert Options(addresses=["127.0.0.9"]).places == ("aws.us-east-1.us-east-1a",)
    assert Options(node_types=["primary", "read_replica"]).types[1] == "read_replica"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"nodes": 0}, "at least one node"),
        ({"nodes": 2, "placements": ["a.b.c"]}, "placements=.* each of 2 nodes"),
        ({"nodes": 3, "placements": "abc"}, "placements='abc' must"),
        ({"nodes": 2, "addresses": ["127.0.0.1"]}, "addresses=.* each of 2 nodes"),
        ({"placements": ["a.b"]}, "'a.b' is not of the form cloud.region.zone"),
        ({"columns": 7}, "columns=7"),
        ({"port": 0}, "port=0"),
        ({"certificates": {0: ["a"]}}, "only a lab with tls=True"),
        ({"expired_certificates": [0]}, "only a lab with tls=True"),
        ({"tls": True, "certificates": {3: ["a"]}}, r"not there: \{3\}"),
        ({"tls": True, "expired_certificates": [-1]}, r"not there: \{-1\}"),
        ({"tls": True, "certificates": {0: "a.lab"}}, "0: 'a.lab'.* must be a list"),
        ({"tls": True, "certificates": {0: []}}, "of at least one"),
    ],
)
def test_what_cannot_be_built_is_refused(options, reason):
    with pytest.raises(LabError, match=reason):
        Options(**options)


def test_a_password_is_not_shown():
    assert "hunter2" not in repr(Options(password="hunter2"))

from __future__ import annotations

import pytest

from moorline.core.events import (
    Listed,
    NodeFailed,
    NodeGone,
    NodeListed,
    NodeServed,
    NotSmart,
    RefreshFailed,
)
from tests.core.scripted import nodes_at

[N1] = nodes_at("c.r.z")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (NodeListed(N1), "node n1:5433 (c.r.z) listed as primary"),
        (NodeGone(N1), "node n1:5433 (c.r.z) listed no more"),
        (
            NodeFailed(N1.address, 10.0, 15.0, "Connection refused"),
            "node n1:5433 left alone for 5 s: Connection refused",
        ),
        (NodeServed(N1.address), "node n1:5433 serves again"),
        (Listed("4f2e", 1.0, (1, 2)), "2 nodes listed, universe 4f2e"),
        (Listed("", 1.0), "0 nodes listed, universe unnamed"),
        (
            NotSmart(1.0),
            (
                "the server has no yb_servers(), so it is not a YugabyteDB: "
                "connections go to the contact points as plain ones"
            ),
        ),
        (
            RefreshFailed("n1:5433: refused"),
            "the list of nodes could not be read: n1:5433: refused",
        ),
    ],
)
def test_an_event_is_a_line_for_people(event, text):
    assert str(event) == text

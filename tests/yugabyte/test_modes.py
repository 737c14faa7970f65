"""Primaries and read replicas, on real servers that say which they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorline.errors import NoNodeAvailable
from moorline.yugabyte import Cluster

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

KEYS = "c.dc2.rack1:1,c.dc3.rack1:2"


@pytest.fixture
def lab(make_yugabyte_lab: MakeLab) -> YugabyteLab:
    """Primaries 1 to 3 and replicas 4 to 6; 2 and 4 in dc2, 3 and 5 in dc3."""
    return make_yugabyte_lab(
        placements=[f"c.dc{number}.rack1" for number in (1, 2, 3, 2, 3, 4)],
        node_types=["primary"] * 3 + ["read_replica"] * 3,
    )


def spread(lab: YugabyteLab, world: World, mode: object, keys: str) -> tuple[int, ...]:
    options = {"topology_keys": keys} if keys else {}
    world.open(12, lab.dsn(), load_balance=mode, **options)
    counts = lab.counts()
    world.close()
    lab.wait_counts((0,) * 6)
    return counts


def test_each_mode_uses_the_nodes_it_names(lab: YugabyteLab, world: World) -> None:
    for mode, keys, expected in [
        (False, "", (12, 0, 0, 0, 0, 0)),
        (True, "", (2, 2, 2, 2, 2, 2)),
        ("any", KEYS, (0, 6, 0, 6, 0, 0)),
        ("only-rr", "", (0, 0, 0, 4, 4, 4)),
        ("only-rr", KEYS, (0, 0, 0, 12, 0, 0)),
        ("only-primary", "", (4, 4, 4, 0, 0, 0)),
        ("only-primary", KEYS, (0, 12, 0, 0, 0, 0)),
        ("prefer-rr", "", (0, 0, 0, 4, 4, 4)),
        ("prefer-rr", KEYS, (0, 0, 0, 12, 0, 0)),
        ("PREFER-PRIMARY", "", (4, 4, 4, 0, 0, 0)),
        ("Prefer-Primary", KEYS, (0, 12, 0, 0, 0, 0)),
    ]:
        assert spread(lab, world, mode, keys) == expected, (mode, keys)


def test_who_prefers_takes_the_others_when_there_is_no_choice(
    lab: YugabyteLab, world: World
) -> None:
    for node in (3, 4, 5):
        lab.stop(node)

    assert spread(lab, world, "prefer-rr", "") == (4, 4, 4, 0, 0, 0)
    with pytest.raises(NoNodeAvailable) as caught:
        world.open(1, lab.dsn(load_balance="only-rr"))
    assert str(caught.value).count("which load_balance does not ask for") == 3


def test_explain_says_why_a_primary_is_left_out(lab: YugabyteLab) -> None:
    explanation = Cluster(lab.dsn(load_balance="only-rr"), topology_keys=KEYS).explain()

    assert [node.role for node in explanation.candidates] == ["replica"]
    assert "is primary, which load_balance does not ask for" in str(explanation)
    assert "priority 1: c.dc2.rack1, replica only" in str(explanation)

"""What is said of primaries and read replicas, which real servers say they are.

Who gets the connections is in `tests/spec/dial_scenarios.toml`, D.
"""

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


def test_the_error_says_why_the_others_were_left_out(
    lab: YugabyteLab, world: World
) -> None:
    for node in (3, 4, 5):
        lab.stop(node)

    with pytest.raises(NoNodeAvailable) as caught:
        world.open(1, lab.dsn(load_balance="only-rr"))

    assert str(caught.value).count("which load_balance does not ask for") == 3


def test_explain_says_why_a_primary_is_left_out(lab: YugabyteLab) -> None:
    explanation = Cluster(lab.dsn(load_balance="only-rr"), topology_keys=KEYS).explain()

    assert [node.role for node in explanation.candidates] == ["replica"]
    assert "is primary, which load_balance does not ask for" in str(explanation)
    assert "priority 1: c.dc2.rack1, replica only" in str(explanation)

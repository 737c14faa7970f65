"""The scenarios of YugabyteDB's own drivers, on real servers and with exact counts.

A to D are the cases of `tests/spec/dial_scenarios.toml`, which are played without I/O
too; what cannot be said there follows them. E is in `test_scenarios_pools.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorline import errors
from moorline.lab import Proxy
from tests.spec.cases import read, rounds_of
from tests.yugabyte.play import Play

if TYPE_CHECKING:
    from conftest import Clock, World
    from moorline.lab import YugabyteLab

SCENARIOS = [*read("dial_scenarios.toml")]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for _, case in SCENARIOS]
)
def test_scenario(
    case: dict[str, Any], whole: YugabyteLab, world: World, clock: Clock
) -> None:
    play = Play(case, whole, world, clock)
    if "config_error" in case:
        with pytest.raises(errors.ConfigError, match=case["config_error"]):
            play.connect(1)
        return
    for one in rounds_of(case):
        play.round(one)


def test_a3_a_contact_by_another_name_is_the_same_cluster(
    whole: YugabyteLab, world: World
) -> None:
    by_address = whole.dsn(load_balance="true")
    by_name = by_address.replace(whole.nodes[0].host, "localhost")
    world.open(12, by_address)
    world.open(3, by_name)
    assert whole.counts()[:3] == (5, 5, 5)

    going = [c for c in world.opened if world.host(c) == whole.nodes[1].host]
    world.close(going)
    world.open(5, by_name)

    whole.wait_counts((5, 5, 5, *[0] * 6))


def test_a6_a_uri_may_be_written_in_any_way(whole: YugabyteLab, world: World) -> None:
    node = whole.nodes[0]
    place, on = f"{node.host}:{node.port}", "load_balance=true"
    elsewhere = f"host={node.host}&port={node.port}&user=yugabyte"

    world.open(3, f"postgresql://yugabyte@{place}/yugabyte?{on}")
    world.open(3, f"postgres://{place}/yugabyte?{on}&user=yugabyte")
    world.open(3, f"postgresql://yugabyte@{place}?{on}")
    world.open(3, f"postgresql:///yugabyte?{on}&{elsewhere}")

    assert whole.counts()[:3] == (4, 4, 4)


def test_a6_a_port_that_is_not_said_is_the_default(
    whole: YugabyteLab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(mode="refuse") as nobody:
        monkeypatch.setenv("PGPORT", str(nobody.port))
        dsn = f"postgresql://yugabyte@{whole.nodes[0].host}/yugabyte?load_balance=true"

        with pytest.raises(errors.NoNodeAvailable) as caught:
            world.open(1, dsn)

    (attempt,) = caught.value.attempts
    assert str(attempt.address) == f"{whole.nodes[0].host}:{nobody.port}"

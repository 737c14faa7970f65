"""Plays cases of `tests/spec` on real servers; `tests/spec/cases.py` tells the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorline import errors
from moorline.yugabyte import Cluster
from tests.spec.cases import options_of, placement_and_role

if TYPE_CHECKING:
    from conftest import Clock, World
    from moorline.lab import YugabyteLab

# As yb_servers() writes them.
ROLES = {"primary": "primary", "replica": "read_replica"}
NOT_TRIED = "not tried: "
SOON = 500  # times to count, at some milliseconds each, until a session has ended


def listed(lab: YugabyteLab, node: int, place: str) -> dict[str, object]:
    (cloud, region, zone), role = placement_and_role(place)
    where = {"cloud": cloud, "region": region, "zone": zone}
    return lab.row(node, node_type=ROLES[role], **where)


class Play:
    """One case as it goes on; its node 1 is the lab's node 0."""

    def __init__(
        self, case: dict[str, Any], lab: YugabyteLab, world: World, clock: Clock
    ) -> None:
        self.case, self.lab, self.world, self.clock = case, lab, world, clock
        self.rows: list[dict[str, object]] = []
        self.held: list[int] = []
        self.add(case["nodes"])
        contacts = case.get("contacts", range(1, len(self.rows) + 1))
        self.dsn = lab.dsn(hosts=[number - 1 for number in contacts])
        self.options: dict[str, Any] = {"load_balance": "true", **options_of(case)}

    def add(self, places: list[str]) -> None:
        for place in places:
            self.rows.append(listed(self.lab, len(self.rows), place))
            self.held.append(0)
        self.lab.set_topology(self.rows)

    def counts(self) -> list[int]:
        """Count the sessions of each node when no others are left, as of a refresh."""
        self.world.settle()
        for _ in range(SOON):
            counts = self.lab.counts()
            if sum(counts) == self.sessions():
                break
        return [*counts[: len(self.rows)]]

    def sessions(self) -> int:
        """Count what the world holds."""
        return len(self.world.opened)

    def cluster(self) -> Cluster:
        return Cluster(self.dsn, **{**self.options, "load_balance": "true"})

    def round(self, one: dict[str, Any]) -> None:
        self.change(one)
        conns = []
        if "error" in one:
            self.fail(one)
        elif "connect" in one:
            conns = self.connect(one["connect"], one.get("workers"))
        counts = self.check(one)
        if conns and not one.get("hold"):
            self.world.close(conns)
        else:
            self.held = counts

    def change(self, one: dict[str, Any]) -> None:
        for number in one.get("stop", []):
            self.lab.stop(number - 1)
            self.held[number - 1] = 0
        if "stop" in one:
            self.world.drop_dead()
        for number in one.get("start", []):
            self.lab.start(number - 1)
        self.add(one.get("add", []))
        self.clock.ahead += one.get("wait", 0.0)
        self.options |= options_of(one)
        if one.get("refresh"):
            self.cluster().refresh()

    def connect(self, count: int, workers: int | None = None) -> list[Any]:
        if workers:
            return self.world.open_at_once(workers, count, self.dsn, **self.options)
        return self.world.open(count, self.dsn, **self.options)

    def fail(self, one: dict[str, Any]) -> None:
        assert (one["error"], one["connect"]) == ("NoNodeAvailable", 1)
        with pytest.raises(errors.NoNodeAvailable) as caught:
            self.connect(1)
        attempts = caught.value.attempts
        tried = [str(a.address) for a in attempts if not a.reason.startswith(NOT_TRIED)]
        if "tried" in one:
            assert sorted(tried) == [self.address(number) for number in one["tried"]]

    def address(self, number: int) -> str:
        node = self.lab.nodes[number - 1]
        return f"{node.host}:{node.port}"

    def check(self, one: dict[str, Any]) -> list[int]:
        total = self.counts()
        if self.options["load_balance"] != "false":
            nodes = self.cluster().topology().nodes
            assert [node.load for node in nodes] == total
            marked = [i for i, node in enumerate(nodes, 1) if node.health != "up"]
            assert marked == one.get("marked", marked)
        new = [now - held for now, held in zip(total, self.held, strict=True)]
        assert new == one.get("expect", new)
        assert total == one.get("total", total)
        assert sorted(total) == one.get("sorted", sorted(total))
        return total

"""The acts of the demonstration and the judgement on them; nothing is done here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorline.lab import Node

__all__ = ["ACTS", "PLACEMENTS", "STANDIN", "Act", "Counts", "Outcome", "Report"]

Counts = tuple[int, ...]

STANDIN = (
    "A stand-in for YugabyteDB: real PostgreSQL servers and sockets, imitated "
    "topology. Spread, discovery and failover are real; there is no replication, "
    "rows do not travel."
)
ZONE = "aws.us-east-1.us-east-1a"
PLACEMENTS = (ZONE, ZONE, "aws.us-east-1.us-east-1b")


@dataclass(frozen=True, slots=True)
class Act:
    """What is done with the cluster, and what moorline promises of it.

    Args:
        name: For machines.
        title: For people.
        expected: Sessions on each node at the end, as the servers count them.
        topology_keys: The placements in the conninfo; "" for none.
        opens: How many connections are opened first.
        killed: The node that is killed while these are held; `None` for none.
        held: Sessions on each node right before that.
        more: How many connections are opened after it.
    """

    name: str
    title: str
    expected: Counts
    topology_keys: str = ""
    opens: int = 30
    killed: int | None = None
    held: Counts | None = None
    more: int = 0


ACTS = (
    Act(
        name="spread",
        title="30 connections, spread over the cluster",
        expected=(10, 10, 10),
    ),
    Act(
        name="topology",
        title="30 connections, in one zone only",
        topology_keys=ZONE,
        expected=(15, 15, 0),
    ),
    Act(
        name="failover",
        title="30 connections held, node 1 killed (SIGKILL), 10 more",
        killed=0,  # the very node that the conninfo names
        held=(10, 10, 10),
        more=10,
        expected=(0, 15, 15),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act.

    Args:
        act: The act.
        conninfo: What was connected to.
        counted: Sessions on each node at the end, from the servers.
        held: The same before the kill; `None` in an act without one.
        errors: Of connections that failed, in one line each.
        log: What moorline logged meanwhile.
        seconds: How long connecting took.
    """

    act: Act
    conninfo: str
    counted: Counts
    held: Counts | None
    errors: Sequence[str]
    log: Sequence[str]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        return (
            not self.errors
            and self.counted == self.act.expected
            and self.held == self.act.held
        )

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "name": self.act.name,
            "conninfo": self.conninfo,
            "killed": self.act.killed,
            "held": self.held,
            "expected": self.act.expected,
            "counted": self.counted,
            "errors": list(self.errors),
            "log": list(self.log),
            "seconds": round(self.seconds, 4),
            "ok": self.ok,
        }


@dataclass(slots=True)
class Report:
    """The whole demonstration, as far as it came.

    Args:
        versions: Of what took part, by name.
        source: Where the servers' binaries come from, and their directory.
        nodes: The servers.
        outcomes: One for each act that was played.
        seconds: How long it all took, start and stop of the servers included.
    """

    versions: Mapping[str, str]
    source: tuple[str, str]
    nodes: Sequence[Node]
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every act was played and is as promised."""
        played = tuple(outcome.act for outcome in self.outcomes)
        return played == ACTS and all(outcome.ok for outcome in self.outcomes)

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        source, directory = self.source
        return {
            "standin": STANDIN,
            "versions": dict(self.versions),
            "binaries": {"source": source, "directory": directory},
            "nodes": [
                {
                    "name": node.name,
                    "host": node.host,
                    "port": node.port,
                    "placement": node.placement,
                }
                for node in self.nodes
            ],
            "acts": [outcome.as_json() for outcome in self.outcomes],
            "seconds": round(self.seconds, 4),
            "ok": self.ok,
        }

"""What a cluster looks like from this process: frozen answers for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorline.core.plan import Standing

__all__ = ["ClusterTopology", "Explanation", "NodeView"]


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node, as it stands for the next connection.

    Args:
        host: As the cluster lists it.
        port: As the cluster lists it.
        placement: ``cloud.region.zone``.
        role: ``primary``, ``replica`` or ``unknown``.
        load: Its open connections from this process.
        health: In a few words: ``up``, or since when it is left alone.
        tier: The tier of ``topology_keys`` that holds it; "" if none does.
        excluded: Why it would not get the next connection; "" if it may.
    """

    host: str
    port: int
    placement: str
    role: str
    load: int
    health: str
    tier: str
    excluded: str

    @classmethod
    def of(cls, standing: Standing) -> NodeView:
        """Return the view of a standing."""
        node = standing.node
        return cls(
            host=node.address.host,
            port=node.address.port,
            placement=str(node.placement),
            role=node.role,
            load=standing.load,
            health=standing.health,
            tier=str(standing.tier or ""),
            excluded=standing.excluded,
        )


@dataclass(frozen=True, slots=True)
class ClusterTopology:
    """The nodes of a cluster at one moment.

    Args:
        nodes: In the order in which the cluster lists them; none if the server is not
            a YugabyteDB.
        universe: The cluster's ``universe_uuid``; "" from older servers.
        age: Seconds since the list was read.
    """

    nodes: tuple[NodeView, ...]
    universe: str
    age: float

    def __str__(self) -> str:
        header = ("node", "placement", "role", "load", "health")
        rows = (
            (f"{n.host}:{n.port}", n.placement, n.role, str(n.load), n.health)
            for n in self.nodes
        )
        return f"{table(header, rows)}\nlisted {self.age:.1f} s ago"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the next connection goes where it goes.

    Args:
        nodes: Every node, in the order of the tiers.
        options: The options that decide, as a user would write them.
        picker: The rule that chooses among the candidates.
        hint: What looks like a mistake in the options; "" if nothing does.
    """

    nodes: tuple[NodeView, ...]
    options: str
    picker: str
    hint: str

    @property
    def candidates(self) -> tuple[NodeView, ...]:
        """The nodes that may get the next connection."""
        return tuple(node for node in self.nodes if not node.excluded)

    def __str__(self) -> str:
        header = ("node", "placement", "tier", "load", "health", "next connection")
        rows = (
            (
                f"{n.host}:{n.port}",
                n.placement,
                n.tier or "-",
                str(n.load),
                n.health,
                f"no: {n.excluded}" if n.excluded else "candidate",
            )
            for n in self.nodes
        )
        lines = [f"decided by {self.options}; among candidates: {self.picker}"]
        lines += [table(header, rows), self.hint]
        return "\n".join(filter(None, lines))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out text in columns."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

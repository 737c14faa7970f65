"""YugabyteDB: connections spread over the nodes of a cluster, topology-aware.

`moorline.yugabyte.psycopg` stands in for ``psycopg``; `Cluster` shows what is known of
a cluster and explains where the next connection goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.yugabyte.cluster import Cluster
    from moorline.yugabyte.view import ClusterTopology, Explanation, NodeView

__all__ = ["Cluster", "ClusterTopology", "Explanation", "NodeView"]

_HOMES = {
    "Cluster": "cluster",
    "ClusterTopology": "view",
    "Explanation": "view",
    "NodeView": "view",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: most programs only connect."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

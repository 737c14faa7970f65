"""YugabyteDB: connections spread over the nodes of a cluster, topology-aware.

`moorline.yugabyte.psycopg` stands in for ``psycopg``; `Cluster` shows what is known of
a cluster and explains where the next connection goes.
"""

from __future__ import annotations

from moorline.yugabyte.cluster import Cluster
from moorline.yugabyte.view import ClusterTopology, Explanation, NodeView

__all__ = ["Cluster", "ClusterTopology", "Explanation", "NodeView"]

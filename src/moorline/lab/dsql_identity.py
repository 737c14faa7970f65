"""Name a cluster of Aurora DSQL, and the ways to it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLUSTER_ID", "DATABASE", "Identity"]

CLUSTER_ID = "amzn-cluster-id"  # the option for clients whose SNI does not tell it
DATABASE = "postgres"  # the one that every cluster has, and the only one
_SERVICE = "dsql-fnh4"  # of PrivateLink, in AWS's examples


@dataclass(frozen=True, slots=True)
class Identity:
    """Which cluster it is."""

    cluster_id: str
    region: str
    check_parameters: bool

    @property
    def endpoint(self) -> str:
        """The name of the cluster."""
        return f"{self.cluster_id}.dsql.{self.region}.on.aws"

    @property
    def private_endpoint(self) -> str:
        """Its name by PrivateLink, where DNS is set up for it."""
        return f"{self.cluster_id}.{_SERVICE}.{self.region}.on.aws"

    @property
    def vpc_endpoint(self) -> str:
        """A name by PrivateLink that does not say which cluster is meant."""
        return f"vpce-0f1e2d3c4b5a69788-lab.{_SERVICE}.{self.region}.vpce.amazonaws.com"

    @property
    def certified(self) -> tuple[str, ...]:
        """What the certificate is valid for."""
        return tuple(f"*.{name}.{self.region}.on.aws" for name in ("dsql", _SERVICE))

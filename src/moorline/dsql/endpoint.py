"""Which cluster a host names, where it is dialled, and what the token is signed for.

Facts: Aurora DSQL user guide, "Accessing Aurora DSQL" and "Managing and connecting to
Amazon Aurora DSQL clusters using AWS PrivateLink".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from moorline.errors import ConfigError

__all__ = ["Endpoint", "endpoint_of", "region_in"]

CLUSTER_ID = re.compile("[a-z0-9]{26}")
# <id>.dsql.<region>.on.aws, or with the id of a PrivateLink service: dsql-fnh4.
PUBLIC = re.compile(r"([a-z0-9]{26})\.(dsql[a-z0-9-]*)\.([a-z0-9-]+)\.on\.aws")
# <vpce-…>.<service id>.<region>.vpce.amazonaws.com, which no certificate names.
PRIVATE = re.compile(
    r"vpce-[a-z0-9-]+\.dsql[a-z0-9-]*\.([a-z0-9-]+)\.vpce\.amazonaws\.com"
)


class Endpoint(NamedTuple):
    """A cluster, and the way to it.

    Args:
        name: The host that tokens are signed for and certificates are checked against.
        region: The cluster's AWS region.
        cluster_id: 26 letters and digits.
        dialled: The host to connect to: `name` itself, or another way to it.
    """

    name: str
    region: str
    cluster_id: str
    dialled: str

    @property
    def startup_options(self) -> str:
        """What the server must be told when it cannot see the name: its cluster."""
        return f"-c amzn-cluster-id={self.cluster_id}" if self.is_indirect else ""

    @property
    def is_indirect(self) -> bool:
        """Whether another host than the one that is signed for is dialled."""
        return self.dialled != self.name


def region_in(host: str) -> str:
    """Return the region that a host name of the service tells, "" if it tells none."""
    found = PUBLIC.fullmatch(_plain(host))
    if found:
        return found[3]
    private = PRIVATE.fullmatch(_plain(host))
    return private[1] if private else ""


def endpoint_of(host: str, *, region: str = "", cluster_id: str = "") -> Endpoint:
    """Read a host as users write it.

    Args:
        host: A cluster's endpoint, its id of 26 letters and digits, a VPC endpoint, or
            a name or address of the user's own that leads to the cluster.
        region: As given, or AWS's default; "" if there is neither.
        cluster_id: Which cluster is behind a host that does not say so.

    Raises:
        ConfigError: There is no host, no region, or no cluster; or two that differ.
    """
    dialled = _plain(host)
    if not dialled:
        raise ConfigError("host: give the endpoint of the cluster, or its id")
    if cluster_id and not CLUSTER_ID.fullmatch(cluster_id):
        raise ConfigError(
            f"cluster_id={cluster_id!r}: an id has 26 letters and digits, in lower case"
        )
    told = region_in(dialled)
    if told and region and region != told:
        raise ConfigError(
            f"region={region!r} contradicts the host {host}, which is in {told}; "
            "leave region out"
        )
    public = PUBLIC.fullmatch(dialled)
    if public:
        if cluster_id and cluster_id != public[1]:
            raise ConfigError(f"cluster_id={cluster_id!r} contradicts the host {host}")
        return Endpoint(dialled, told, public[1], dialled)
    region = told or region
    if CLUSTER_ID.fullmatch(dialled):
        name = _name(dialled, region, host)
        return Endpoint(name, region, dialled, name)
    if not cluster_id:
        raise ConfigError(
            f"host={host!r} is neither an endpoint (<id>.dsql.<region>.on.aws) nor a "
            "cluster's id of 26 letters and digits; if it leads to a cluster all the "
            "same, say to which with cluster_id and region"
        )
    return Endpoint(_name(cluster_id, region, host), region, cluster_id, dialled)


def _name(cluster_id: str, region: str, host: str) -> str:
    if not region:
        raise ConfigError(
            f"host={host!r} tells no region: give region, or set AWS_REGION or a "
            "region in AWS's config file"
        )
    return f"{cluster_id}.dsql.{region}.on.aws"


def _plain(host: str) -> str:
    """Return a host in lower case, without the dot that ends a full name."""
    return host.strip().lower().removesuffix(".")

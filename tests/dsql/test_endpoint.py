from __future__ import annotations

import pytest

from moorline.dsql.endpoint import Endpoint, endpoint_of, region_in
from moorline.errors import ConfigError

ID = "foo0bar1baz2quux3quuux4abc"
HOST = f"{ID}.dsql.us-east-1.on.aws"
OTHER = "z" * 26
VPCE = "vpce-0123456789abcdef0-abcdefgh.dsql-fnh4.us-east-1.vpce.amazonaws.com"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "us-east-1"),
        (f"{ID}.dsql-fnh4.eu-west-2.on.aws", "eu-west-2"),
        (f"{ID}.dsqlqa.us-gov-west-1.on.aws", "us-gov-west-1"),
        (HOST.upper() + ".", "us-east-1"),
        (VPCE, "us-east-1"),
        (ID, ""),
        ("localhost", ""),
        ("db.internal.example.com", ""),
        (f"{ID}.rds.us-east-1.on.aws", ""),
        (f"{ID[1:]}.dsql.us-east-1.on.aws", ""),
        (f"x.{HOST}", ""),
        (f"{HOST}.example.com", ""),
        ("", ""),
    ],
)
def test_the_region_that_a_host_tells(host, region):
    assert region_in(host) == region


@pytest.mark.parametrize(
    ("host", "given", "endpoint"),
    [
        (HOST, {}, Endpoint(HOST, "us-east-1", ID, HOST)),
        (HOST, {"region": "us-east-1"}, Endpoint(HOST, "us-east-1", ID, HOST)),
        (f" {HOST.upper()}. ", {}, Endpoint(HOST, "us-east-1", ID, HOST)),
        (HOST, {"cluster_id": ID}, Endpoint(HOST, "us-east-1", ID, HOST)),
        (ID, {"region": "us-east-1"}, Endpoint(HOST, "us-east-1", ID, HOST)),
        # PrivateLink with private DNS: signed and verified as it is.
        (
            f"{ID}.dsql-fnh4.us-east-1.on.aws",
            {},
            Endpoint(
                f"{ID}.dsql-fnh4.us-east-1.on.aws",
                "us-east-1",
                ID,
                f"{ID}.dsql-fnh4.us-east-1.on.aws",
            ),
        ),
        # PrivateLink without it, names and addresses of one's own.
        (VPCE, {"cluster_id": ID}, Endpoint(HOST, "us-east-1", ID, VPCE)),
        (
            "db.example.com",
            {"cluster_id": ID, "region": "us-east-1"},
            Endpoint(HOST, "us-east-1", ID, "db.example.com"),
        ),
        (
            "fd00::7",
            {"cluster_id": ID, "region": "us-east-1"},
            Endpoint(HOST, "us-east-1", ID, "fd00::7"),
        ),
    ],
)
def test_a_host_is_read(host, given, endpoint):
    assert endpoint_of(host, **given) == endpoint


def test_the_server_is_told_the_cluster_where_it_cannot_see_the_name():
    assert endpoint_of(HOST).startup_options == ""
    options = endpoint_of(VPCE, cluster_id=ID).startup_options
    assert options == f"-c amzn-cluster-id={ID}"


@pytest.mark.parametrize(
    ("host", "given", "text"),
    [
        ("", {}, "give the endpoint of the cluster, or its id"),
        (" ", {}, "give the endpoint of the cluster, or its id"),
        (ID, {}, "tells no region: give region, or set AWS_REGION"),
        (HOST, {"region": "eu-west-1"}, "contradicts the host"),
        (VPCE, {"region": "eu-west-1", "cluster_id": ID}, "which is in us-east-1"),
        (HOST, {"cluster_id": OTHER}, "contradicts the host"),
        (VPCE, {}, "say to which with cluster_id and region"),
        ("localhost", {"region": "us-east-1"}, "neither an endpoint"),
        ("127.0.0.1", {"region": "us-east-1"}, "neither an endpoint"),
        (ID[1:], {"region": "us-east-1"}, "26 letters and digits"),
        ("db.example.com", {"cluster_id": ID}, "tells no region"),
        ("db.example.com", {"cluster_id": "short"}, "in lower case"),
        ("db.example.com", {"cluster_id": ID.upper()}, "in lower case"),
    ],
)
def test_what_is_wrong_is_said_with_the_cure(host, given, text):
    with pytest.raises(ConfigError) as raised:
        endpoint_of(host, **given)
    assert text in str(raised.value)

"""A token goes to a server that has shown who it is, and to nobody else."""

from __future__ import annotations

import logging
import ssl
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import certifi
import pytest

from moorline.dsql import asyncpg
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import DsqlLab
    from moorline.lab.pytest_plugin import MakeDsqlLab
    from tests.dsql.conftest import World

    Reach = Callable[..., DsqlLab]

REQUEST = bytes.fromhex("0000000804d2162f")  # for TLS: all that may be sent in clear
WEAK = ["disable", "allow", "prefer", "require", "verify-ca"]
NEGOTIATIONS = pytest.mark.parametrize("negotiation", ["direct", "postgres"])


def expect_nothing_told(lab: DsqlLab) -> None:
    """Nothing came but requests for TLS and the first words of TLS itself."""
    for sent in lab.plain_bytes:
        assert sent in {b"", REQUEST} or is_hello(sent)
    assert lab.logins == ()


def is_hello(sent: bytes) -> bool:
    """Tell whether it is one record of TLS with a ClientHello, and no more."""
    kind, length, message = sent[0], int.from_bytes(sent[3:5]), sent[5]
    return (kind, length, message) == (22, len(sent) - 5, 1)


def fails(
    world: World, lab: DsqlLab, match: str | None = None, **options: Any
) -> Exception:
    with pytest.raises((OSError, world.refusal), match=match) as raised:
        world.connect(lab, **options)
    return raised.value


@NEGOTIATIONS
def test_a_server_that_declines_tls_is_told_nothing(
    cluster: DsqlLab, world: World, negotiation: str
) -> None:
    cluster.faults.refuse_tls()

    fails(world, cluster, sslnegotiation=negotiation)

    expect_nothing_told(cluster)
    assert len(cluster.plain_bytes) >= 1


@NEGOTIATIONS
def test_an_unknown_authority_is_told_nothing(
    cluster: DsqlLab, world: World, negotiation: str
) -> None:
    fails(
        world,
        cluster,
        "certificate verify failed",
        sslrootcert=cluster.other_ca_file,
        sslnegotiation=negotiation,
    )

    expect_nothing_told(cluster)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"certificate_names": ["wrong.example"]}, "wrong.example|match|mismatch"),
        ({"expired_certificate": True}, "certificate (verify failed|has expired)"),
    ],
    ids=["another name", "expired"],
)
def test_a_wrong_certificate_is_told_nothing(
    make_dsql_lab: MakeDsqlLab,
    reach: Reach,
    world: World,
    options: Any,
    match: str,
) -> None:
    lab = reach(make_dsql_lab(**options))

    for negotiation in ("direct", "postgres"):
        fails(world, lab, match, sslnegotiation=negotiation)

    expect_nothing_told(lab)


def test_the_name_is_verified_where_an_address_is_dialled(
    make_dsql_lab: MakeDsqlLab, reach: Reach, world: World
) -> None:
    """The certificate of the address will not do: the cluster's name is what counts."""
    lab = reach(make_dsql_lab(certificate_names=["127.0.0.1", "localhost"]))
    whose = {"cluster_id": lab.cluster_id, "region": "us-east-1"}

    for host in ("127.0.0.1", "localhost"):
        fails(world, lab, host=host, **whose)

    expect_nothing_told(lab)


@pytest.mark.parametrize("mode", WEAK)
@pytest.mark.parametrize("how", ["keyword", "conninfo", "URI"])
def test_less_than_verification_is_an_error_before_anything_is_sent(
    cluster: DsqlLab, world: World, mode: str, how: str
) -> None:
    match how:
        case "keyword":
            dsn, options = "", {"sslmode": mode}
        case "conninfo":
            dsn, options = f"sslmode={mode}", {}
        case _:
            place = f"{cluster.endpoint}:{cluster.port}"
            dsn, options = f"postgresql://admin@{place}/postgres?sslmode={mode}", {}
    lab = None if how == "URI" else cluster

    with pytest.raises(ConfigError, match=f"sslmode={mode} would give the token") as e:
        world.connect(lab, dsn, **options)

    assert isinstance(e.value, world.misuse)
    assert cluster.plain_bytes == ()


def test_a_mode_that_is_none_is_named(cluster: DsqlLab, world: World) -> None:
    with pytest.raises(ConfigError, match="sslmode='on': write one of disable, allow"):
        world.connect(cluster, sslmode="on")


@pytest.mark.parametrize("mode", ["require", "verify-ca"])
def test_verification_is_lowered_on_purpose_and_with_a_warning(
    make_dsql_lab: MakeDsqlLab,
    reach: Reach,
    world: World,
    mode: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lab = reach(make_dsql_lab(certificate_names=["wrong.example"]))

    with caplog.at_level(logging.WARNING):
        world.connect(lab, sslmode=mode, allow_insecure_tls=True)

    assert caplog.messages == [f"sslmode={mode}: the token goes to whoever answers"]
    assert lab.accepted == 1


def test_an_authority_counts_where_it_is_asked_for(
    cluster: DsqlLab, world: World
) -> None:
    fails(
        world,
        cluster,
        "certificate verify failed",
        sslmode="verify-ca",
        sslrootcert=cluster.other_ca_file,
        allow_insecure_tls=True,
    )
    world.connect(cluster, sslmode="require", allow_insecure_tls="true")

    assert cluster.accepted == 1


def test_even_in_clear_if_it_must_be(cluster: DsqlLab, world: World) -> None:
    """The cluster takes nobody without TLS, and says so."""
    cluster.faults.refuse_tls()

    fails(world, cluster, sslmode="prefer", allow_insecure_tls=True)

    assert any(b"user" in sent for sent in cluster.plain_bytes)


@pytest.mark.parametrize(
    ("given", "direct"), [(None, True), ("direct", True), ("postgres", False)]
)
def test_tls_comes_first_unless_it_is_to_be_negotiated(
    cluster: DsqlLab, world: World, given: str | None, direct: Any
) -> None:
    world.connect(cluster, **({"sslnegotiation": given} if given else {}))

    (seen,) = cluster.logins
    assert seen.direct_tls is direct
    assert cluster.plain_bytes == (b"" if direct else REQUEST,)


class TestRoots:
    """Where the authorities come from, the strongest first."""

    @pytest.fixture(autouse=True)
    def _platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.platform = SimpleNamespace(cafile=None)
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: self.platform)

    def test_a_file_that_is_given_comes_first(
        self, cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGSSLROOTCERT", cluster.other_ca_file)
        monkeypatch.setenv("SSL_CERT_FILE", cluster.other_ca_file)

        world.connect(cluster, sslrootcert=cluster.ca_file)

        assert cluster.accepted == 1

    def test_then_libpqs_variable(
        self, cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGSSLROOTCERT", cluster.ca_file)
        monkeypatch.setenv("SSL_CERT_FILE", cluster.other_ca_file)

        world.connect(cluster)

        assert cluster.accepted == 1

    @pytest.mark.parametrize("given", [{}, {"sslrootcert": "system"}])
    def test_then_openssls_variable(
        self, cluster: DsqlLab, world: World, given: dict[str, str]
    ) -> None:
        self.platform.cafile = cluster.other_ca_file

        world.connect(cluster, **given)

        assert cluster.accepted == 1

    def test_then_the_platforms_file(
        self, cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        self.platform.cafile = cluster.ca_file

        world.connect(cluster)

        assert cluster.accepted == 1

    def test_then_certifis(
        self, cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setattr(certifi, "where", lambda: cluster.ca_file)

        world.connect(cluster)

        assert cluster.accepted == 1

    def test_nothing_is_trusted_beside_the_file(
        self, cluster: DsqlLab, world: World
    ) -> None:
        """The variable names an authority that would do; the given one is pinned."""
        fails(world, cluster, "verify failed", sslrootcert=cluster.other_ca_file)

        expect_nothing_told(cluster)

    def test_a_file_that_is_not_there_is_named_before_anything_is_sent(
        self, cluster: DsqlLab, world: World
    ) -> None:
        with pytest.raises(ConfigError, match=r"sslrootcert='/no/ca\.pem': there is"):
            world.connect(cluster, sslrootcert="/no/ca.pem")

        assert cluster.plain_bytes == ()

    def test_the_environment_is_looked_at_each_time(
        self, cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.connect(cluster)
        monkeypatch.setenv("SSL_CERT_FILE", cluster.other_ca_file)
        fails(world, cluster, "verify failed")

        assert cluster.accepted == len(cluster.logins) == 1


class TestContextsOfAsyncpgsUsers:
    """``ssl=`` and ``direct_tls=``, as asyncpg takes them."""

    @pytest.mark.parametrize("direct", [None, False, True])
    async def test_one_that_verifies_is_used(
        self, cluster: DsqlLab, monkeypatch: pytest.MonkeyPatch, direct: Any
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", cluster.other_ca_file)
        context = ssl.create_default_context(cafile=cluster.ca_file)
        context.set_alpn_protocols(["postgresql"])

        conn = await asyncpg.connect(
            host=cluster.endpoint, port=cluster.port, ssl=context, direct_tls=direct
        )
        await conn.close()

        (seen,) = cluster.logins
        assert seen.direct_tls is bool(direct)

    async def test_one_that_does_not_is_refused(self, cluster: DsqlLab) -> None:
        unnamed = ssl.create_default_context(cafile=cluster.ca_file)
        unnamed.check_hostname = False
        blind = ssl.create_default_context()
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        place = {"host": cluster.endpoint, "port": cluster.port}

        for context in (unnamed, blind):
            with pytest.raises(ConfigError, match="ssl: the context does not verify"):
                await asyncpg.connect(**place, ssl=context)
        assert cluster.plain_bytes == ()

        conn = await asyncpg.connect(**place, ssl=blind, allow_insecure_tls=True)
        await conn.close()
        assert cluster.accepted == 1

    async def test_one_of_another_authority_is_told_nothing(
        self, cluster: DsqlLab
    ) -> None:
        context = ssl.create_default_context(cafile=cluster.other_ca_file)

        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncpg.connect(host=cluster.endpoint, port=cluster.port, ssl=context)

        expect_nothing_told(cluster)

    @pytest.mark.parametrize("given", [True, "verify-full", None])
    async def test_to_verify_may_be_said(self, cluster: DsqlLab, given: Any) -> None:
        conn = await asyncpg.connect(
            host=cluster.endpoint, port=cluster.port, ssl=given
        )
        await conn.close()

        assert cluster.accepted == 1

    @pytest.mark.parametrize("given", [False, "disable", "prefer", "require"])
    async def test_not_to_verify_is_an_error(
        self, cluster: DsqlLab, given: Any
    ) -> None:
        with pytest.raises(ConfigError, match="would give the token to whoever"):
            await asyncpg.connect(host=cluster.endpoint, port=cluster.port, ssl=given)

        assert cluster.plain_bytes == ()

    @pytest.mark.parametrize("direct", [True, False])
    async def test_direct_tls_is_a_wish(self, cluster: DsqlLab, direct: Any) -> None:
        conn = await asyncpg.connect(
            host=cluster.endpoint, port=cluster.port, direct_tls=direct
        )
        await conn.close()

        (seen,) = cluster.logins
        assert seen.direct_tls is direct

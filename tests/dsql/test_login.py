"""Logging in: a cluster that refuses, waits, or takes everybody; and the flow alone."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from moorline import dsql
from moorline.core.backoff import Backoff
from moorline.dsql import login
from moorline.errors import DeadlineExceeded, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.lab import DsqlLab
    from moorline.lab.pytest_plugin import MakeDsqlLab
    from tests.dsql.conftest import World

    Reach = Callable[..., DsqlLab]

SOON = Backoff(base=0.01, cap=0.02)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for long; how long is shown in test_login_flow."""
    monkeypatch.setattr(login, "BUSY_BACKOFF", SOON)


class Provider:
    """Gives a lab's credentials and counts; waits if it is held up."""

    def __init__(self, lab: DsqlLab) -> None:
        self.calls = 0
        self._lab = lab
        self._gate = threading.Event()
        self._gate.set()

    def __call__(self) -> tuple[str, str, str]:
        self.calls += 1
        assert self._gate.wait(10)
        return self._lab.access_key, self._lab.secret_key, self._lab.session_token

    @contextmanager
    def held_up(self) -> Iterator[None]:
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()


@pytest.mark.parametrize(
    ("user", "action"), [("admin", "DbConnectAdmin"), ("app", "DbConnect")]
)
def test_a_user_logs_in_with_the_right_that_he_needs(
    cluster: DsqlLab, world: World, user: str, action: str
) -> None:
    conn = world.connect(cluster, user=user)

    assert world.fetch(conn, "select current_user") == user
    (seen,) = cluster.logins
    assert (seen.accepted, seen.verified) == (True, True)
    assert (seen.user, seen.action) == (user, action)
    assert (seen.sni, seen.token_host) == (cluster.endpoint, cluster.endpoint)
    assert (seen.database, seen.expires) == ("postgres", 900)


def test_a_token_that_the_server_calls_expired_is_signed_anew(
    cluster: DsqlLab, world: World
) -> None:
    provider = Provider(cluster)
    cluster.faults.fail_login("expired")

    world.connect(cluster, credentials_provider=provider)

    assert [seen.reason for seen in cluster.logins] == ["expired", ""]
    assert provider.calls == 2


def test_a_second_expiry_names_the_clock(cluster: DsqlLab, world: World) -> None:
    provider = Provider(cluster)
    cluster.faults.clock_skew = 3600

    with pytest.raises(TokenError, match=r"The clock of this machine .* set it") as e:
        world.connect(cluster, credentials_provider=provider)

    assert isinstance(e.value, world.no_password)
    assert isinstance(e.value.__cause__, world.refusal)
    assert "Signature expired" in str(e.value)
    assert [seen.reason for seen in cluster.logins] == ["expired", "expired"]
    assert provider.calls == 2


@pytest.mark.parametrize("kind", ["waking up", "rate", "too many"])
@pytest.mark.usefixtures("soon")
def test_a_cluster_that_takes_nobody_is_waited_for(
    cluster: DsqlLab, world: World, kind: str
) -> None:
    provider = Provider(cluster)
    cluster.faults.fail_login(kind, times=3)

    conn = world.connect(cluster, credentials_provider=provider)

    assert world.fetch(conn, "select 1") == 1
    assert [seen.reason for seen in cluster.logins] == [kind, kind, kind, ""]
    assert provider.calls == 1


def test_the_wait_ends_with_the_time_and_lists_what_was_tried(
    cluster: DsqlLab, world: World
) -> None:
    cluster.faults.fail_login("waking up", times=None)

    with pytest.raises(DeadlineExceeded) as raised:
        world.connect(cluster, connect_timeout=0.5)

    assert isinstance(raised.value, world.out_of_time)
    option = "timeout" if world.of_asyncpg else "connect_timeout"
    assert f"no connection to {cluster.endpoint} within {option}=0.5 s" in str(
        raised.value
    )
    first, *_ = raised.value.attempts  # the time may be over during the last
    assert "waking up cluster" in first.reason
    assert first.answered


def test_who_is_denied_tries_once_and_is_told_what_was_signed(
    cluster: DsqlLab, world: World
) -> None:
    cluster.faults.fail_login("denied", times=None)

    with pytest.raises(world.refusal, match="access denied") as raised:
        world.connect(cluster, user="app")

    assert len(cluster.logins) == 1
    (note,) = raised.value.__notes__
    assert f"signed for DbConnect on {cluster.endpoint} in us-east-1, as user app" in (
        note
    )


def test_a_wrong_secret_is_denied_and_marks_nothing(
    cluster: DsqlLab, world: World
) -> None:
    def wrong() -> tuple[str, str, str]:
        return cluster.access_key, "wrong", cluster.session_token

    with pytest.raises(world.refusal, match="access denied"):
        world.connect(cluster, credentials_provider=wrong)
    world.connect(cluster)

    assert [seen.reason for seen in cluster.logins] == ["signature", ""]


def test_other_refusals_are_the_drivers_own(cluster: DsqlLab, world: World) -> None:
    with pytest.raises(world.refusal, match='database "other" does not exist'):
        world.connect(cluster, dbname="other")

    assert len(cluster.logins) == 1


@pytest.mark.parametrize("options", [{}, {"profile": "nobody"}])
def test_without_credentials_nothing_is_dialled(
    cluster: DsqlLab,
    world: World,
    options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(TokenError, match="no token could be signed") as raised:
        world.connect(cluster, **options)

    assert isinstance(raised.value, world.no_password)
    assert raised.value.__cause__ is not None
    assert cluster.plain_bytes == ()


def test_credentials_that_do_not_come_cost_no_more_than_the_time(
    cluster: DsqlLab, world: World
) -> None:
    provider = Provider(cluster)
    with (
        provider.held_up(),
        pytest.raises(DeadlineExceeded, match="the AWS credentials did not come in"),
    ):
        world.connect(cluster, credentials_provider=provider, connect_timeout=0.2)

    world.connect(cluster, credentials_provider=provider)
    assert provider.calls == 1  # the second caller had what the first waited for


def test_a_frozen_cluster_costs_no_more_than_the_time(
    cluster: DsqlLab, world: World
) -> None:
    cluster.faults.freeze()

    with pytest.raises(DeadlineExceeded, match="no answer in time") as raised:
        world.connect(cluster, connect_timeout=0.3)

    (attempt,) = raised.value.attempts
    assert not attempt.answered
    cluster.faults.thaw()


def test_connects_beyond_the_pace_take_turns(cluster: DsqlLab, world: World) -> None:
    """At 20 a second and 2 at once, the sixth has to wait for a fifth of a second."""
    dsql.limit_connects(per_second=20, burst=2)
    cluster.faults.limit_rate(30, 3)  # the cluster refuses who comes faster

    conns = world.connect_at_once(6, cluster)

    assert len(conns) == 6
    assert cluster.refused == 0


def test_who_cannot_have_a_turn_in_time_is_told(cluster: DsqlLab, world: World) -> None:
    dsql.limit_connects(per_second=0.01, burst=1)
    world.connect(cluster)

    with pytest.raises(DeadlineExceeded, match="too many connects at once"):
        world.connect(cluster, connect_timeout=1)

    assert len(cluster.logins) == 1


class TestOtherWaysToACluster:
    """A name or an address of the user's own, and both forms of PrivateLink."""

    def test_a_private_endpoint_is_signed_for(
        self, cluster: DsqlLab, world: World
    ) -> None:
        world.connect(cluster, host=cluster.private_endpoint)

        (seen,) = cluster.logins
        assert seen.sni == seen.token_host == cluster.private_endpoint

    def test_behind_a_vpc_endpoint_an_option_names_the_cluster(
        self, cluster: DsqlLab, world: World
    ) -> None:
        world.connect(cluster, host=cluster.vpc_endpoint, cluster_id=cluster.cluster_id)

        self.expect_cluster_told(cluster)

    @pytest.mark.parametrize("name", ["db.corp.example", "127.0.0.1", "localhost"])
    def test_a_name_of_ones_own(
        self, cluster: DsqlLab, world: World, name: str
    ) -> None:
        with cluster.names("db.corp.example"):
            world.connect(
                cluster, host=name, cluster_id=cluster.cluster_id, region="us-east-1"
            )

        self.expect_cluster_told(cluster)

    def test_an_address_of_version_6(
        self, make_dsql_lab: MakeDsqlLab, reach: Reach, world: World
    ) -> None:
        lab = reach(make_dsql_lab(host="::1"))

        world.connect(lab, host="::1", cluster_id=lab.cluster_id, region="us-east-1")

        self.expect_cluster_told(lab)

    def test_an_address_beside_the_name(self, dsql_lab: DsqlLab, world: World) -> None:
        """``hostaddr``, as in libpq; the name is in no DNS here."""
        provider = Provider(dsql_lab)

        world.connect(
            dsql_lab,
            hostaddr=dsql_lab.host,
            sslrootcert=dsql_lab.ca_file,
            credentials_provider=provider,
        )

        (seen,) = dsql_lab.logins
        assert seen.sni == dsql_lab.endpoint
        assert "options" not in seen.parameters

    def test_an_id_alone(self, cluster: DsqlLab, world: World) -> None:
        world.connect(cluster, host=cluster.cluster_id)

        assert cluster.logins[0].sni == cluster.endpoint

    @staticmethod
    def expect_cluster_told(lab: DsqlLab) -> None:
        (seen,) = lab.logins
        assert seen.accepted
        assert seen.sni == seen.token_host == lab.endpoint
        assert seen.parameters["options"] == f"-c amzn-cluster-id={lab.cluster_id}"


def test_variables_of_libpq_lead_nowhere_else(
    cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    for name, value in {
        "PGHOST": "elsewhere.example",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "somebody",
        "PGDATABASE": "something",
        "PGPASSWORD": secret,
        "PGSSLMODE": "disable",
        "PGSSLNEGOTIATION": "postgres",
        "PGAPPNAME": "something",
    }.items():
        monkeypatch.setenv(name, value)

    world.connect(cluster)

    (seen,) = cluster.logins
    assert (seen.user, seen.database, seen.tls) == ("admin", "postgres", True)
    assert seen.application_name.startswith("moorline-dsql/")

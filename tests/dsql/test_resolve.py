"""From what a user writes to a plan: the same for each driver and each way to write it.

The cases are in ``tests/spec/dsql_logins.toml``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import certifi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorline import __version__
from moorline.dsql import asyncpg, environment, psycopg
from moorline.dsql.resolve import known, resolve
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.dsql.resolve import Kind, Plan

ID = "abc0123456789defghijklmnop"
HOST = f"{ID}.dsql.eu-west-1.on.aws"
SPEC = Path(__file__).parents[1] / "spec" / "dsql_logins.toml"
CASES = tomllib.loads(SPEC.read_text("utf-8"))["cases"]
KEYS = {"name", "options", "environment", "config"}
KEYS |= {"signed", "region", "dialled", "error"}
KINDS = {"psycopg": psycopg.KIND, "asyncpg": asyncpg.KIND}
ALL_KINDS = [psycopg.ASYNC_KIND, *KINDS.values()]
OURS = f"moorline-dsql/{__version__}"


def by_keyword(options: dict[str, str]) -> tuple[str, dict[str, str]]:
    return "", options


def by_conninfo(options: dict[str, str]) -> tuple[str, dict[str, str]]:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace("'", "\\'")

    return " ".join(f"{name}='{quoted(text)}'" for name, text in options.items()), {}


def by_uri(options: dict[str, str]) -> tuple[str, dict[str, str]]:
    said = dict(options)
    host = said.pop("host", "")
    place = f"[{host}]" if ":" in host else quote(host, safe=",")
    if "port" in said:
        place += f":{quote(said.pop('port'), safe=',')}"
    who = quote(said.pop("user", ""), safe="")
    if "password" in said:
        who += f":{quote(said.pop('password'), safe='')}"
    name = quote(said.pop("dbname", ""), safe="")
    rest = "&".join(f"{name}={quote(text, safe='')}" for name, text in said.items())
    return f"postgresql://{who}{'@' * bool(who)}{place}/{name}?{rest}", {}


@pytest.fixture(autouse=True)
def _roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(params=[by_keyword, by_conninfo, by_uri])
def written(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def facts(plan: Plan) -> dict[str, Any]:
    """Return what two plans for the same have in common."""
    target, arguments = plan.target, dict(plan.arguments)
    names = ("endpoint", "port", "hostaddr", "user", "timeout", "source")
    context: Any = arguments.get("ssl")
    if context is not None:
        arguments["ssl"] = (context.verify_mode, context.check_hostname)
    return {name: getattr(target, name) for name in names} | arguments


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(
    case: dict[str, Any],
    kind: Kind,
    written: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert case.keys() <= KEYS
    options = {n: text.replace("ID", ID) for n, text in case["options"].items()}
    config = tmp_path / "config"
    config.write_text(case.get("config", ""))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name, value in case.get("environment", {}).items():
        monkeypatch.setenv(name, value)
    conninfo, arguments = written(options)

    if "error" in case:
        with pytest.raises(ConfigError) as raised:
            resolve(conninfo, arguments, kind)
        assert case["error"] in str(raised.value)
        assert type(raised.value) is kind.dialect.config_error
    else:
        endpoint = resolve(conninfo, arguments, kind).target.endpoint
        signed = case["signed"].replace("ID", ID)
        assert endpoint == (signed, case["region"], ID, case.get("dialled", signed))


# A NUL is no text for libpq, and a lone surrogate none for anybody.
TEXT = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1
)
WORDS = TEXT.map(str.strip).filter(bool)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "user": TEXT,
        "dbname": TEXT,
        "port": st.integers(1, 65_535).map(str),
        "application_name": WORDS,
        "options": WORDS,
        "connect_timeout": st.integers(0, 10**6).map(str),
        "hostaddr": st.ip_addresses(v=4).map(str),
        "region": st.just("eu-west-1"),
        "tokenDurationSecs": st.integers(1, 604_800).map(str),
        "sslnegotiation": st.sampled_from(["direct", "postgres"]),
        "sslmode": st.sampled_from(["verify-full", "require"]),
        "profile": st.just("mine"),
    },
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    options=OPTIONS,
    host=st.sampled_from([HOST, ID, HOST.upper(), f"{HOST}."]),
    kind=st.sampled_from(ALL_KINDS),
)
def test_three_ways_to_write_it_mean_the_same(
    options: dict[str, str], host: str, kind: Kind
) -> None:
    said = {"region": "eu-west-1", "host": host, **options}
    said["allow_insecure_tls"] = "true"

    first, *others = [
        facts(resolve(*write(said), kind))
        for write in (by_keyword, by_conninfo, by_uri)
    ]

    assert others == [first, first]
    assert first["user"] == options.get("user", "admin")
    assert first["port"] == int(options.get("port", 5432))
    assert first["endpoint"].name == HOST


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_are_known(kind: Kind, scheme: str) -> None:
    target = resolve(f"{scheme}://my%40role@{HOST}/postgres", {}, kind).target

    assert (target.user, target.port) == ("my@role", 5432)


@pytest.mark.parametrize("scheme", ["mysql", "http", "PostgreSQL"])
def test_other_schemes_are_not(kind: Kind, scheme: str) -> None:
    with pytest.raises(ConfigError, match=f"{scheme}:// is not known: write postgres"):
        resolve(f"{scheme}://admin@{HOST}/postgres", {}, kind)


def test_a_host_may_stand_alone(kind: Kind) -> None:
    assert resolve(HOST, {}, kind).target.endpoint.name == HOST


def test_a_host_and_a_port_do_not_stand_alone(kind: Kind) -> None:
    with pytest.raises(ConfigError, match="is neither an endpoint"):
        resolve(f"{HOST}:5432", {}, kind)


def test_defaults(kind: Kind) -> None:
    plan = resolve(HOST, {}, kind)

    assert (plan.target.user, plan.target.port) == ("admin", 5432)
    assert (plan.target.timeout, plan.target.hostaddr) == (30.0, "")
    assert name_in(plan) == OURS
    assert plan.arguments.get("dbname", plan.arguments.get("database")) == "postgres"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(None, 30.0), (0, None), ("0", None), (2.5, 2.5), (-1, None), (1e300, 1e9)],
)
def test_time_limits(kind: Kind, given: Any, seconds: float | None) -> None:
    plan = resolve(HOST, {"connect_timeout": given}, kind)

    assert plan.target.timeout == seconds


@pytest.mark.parametrize("name", ["port", "connect_timeout", "tokenDurationSecs"])
def test_a_bool_is_no_number(kind: Kind, name: str) -> None:
    with pytest.raises(ConfigError, match=f"(?i){name.partition('_')[2] or name}"):
        resolve(HOST, {name: True}, kind)


@pytest.mark.parametrize("given", [True, "true", "TRUE"])
def test_a_bool_may_be_written_either_way(kind: Kind, given: Any) -> None:
    said = {"sslmode": "require", "allow_insecure_tls": given}

    assert resolve(HOST, said, kind)


def test_profile_and_provider_contradict_each_other(kind: Kind) -> None:
    said = {"profile": "mine", "credentials_provider": lambda: ("key", "secret")}

    with pytest.raises(ConfigError, match="give profile or credentials_provider"):
        resolve(HOST, said, kind)


def test_the_keyword_wins_over_the_conninfo(kind: Kind) -> None:
    conninfo = f"host={HOST} port=1 user=one tokenDurationSecs=60"

    target = resolve(conninfo, {"port": 2, "user": "two"}, kind).target

    assert (target.port, target.user) == (2, "two")
    assert resolve(conninfo, {"token_duration_secs": 61}, kind).target.source is not (
        resolve(conninfo, {}, kind).target.source
    )


def test_a_malformed_conninfo_is_an_error_that_repeats_nothing(
    kind: Kind, secret: str
) -> None:
    for text in (f"host={HOST} x='{secret}", f"postgresql://a%zz:{secret}@{HOST}/"):
        with pytest.raises((ConfigError, psycopg.ProgrammingError)) as raised:
            resolve(text, {}, kind)
        assert secret not in str(raised.value)


def name_in(plan: Plan) -> str:
    arguments: Any = plan.arguments
    return arguments.get("server_settings", arguments)["application_name"]


ROOM = 63 - len(f":{OURS}")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", OURS),
        ("   ", OURS),
        ("app", f"app:{OURS}"),
        ("  app ", f"app:{OURS}"),
        ("a:b@c/d", f"a:b@c/d:{OURS}"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"[:ROOM] + f":{OURS}"),
        ("x" * 100, "x" * ROOM + f":{OURS}"),
        ("é" * 100, "é" * (ROOM // 2) + f":{OURS}"),
        ("\N{FOX FACE}" * 100, "\N{FOX FACE}" * (ROOM // 4) + f":{OURS}"),
    ],
)
@pytest.mark.parametrize("option", ["application_name", "orm_prefix", "ormPrefix"])
def test_application_names(kind: Kind, option: str, given: str, shown: str) -> None:
    name = name_in(resolve(HOST, {option: given}, kind))

    assert name == shown
    assert len(name.encode()) <= 63


class TestKeeping:
    """What was resolved is known, as long as it holds."""

    def test_the_same_is_known(self, kind: Kind) -> None:
        assert known(HOST, {"user": "app"}, kind) is None
        plan = resolve(HOST, {"user": "app"}, kind)

        assert known(HOST, {"user": "app"}, kind) is plan
        assert resolve(HOST, {"user": "app"}, kind) is plan
        assert known(HOST, {}, kind) is None

    def test_another_environment_is_another_plan(
        self, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
        before = resolve(HOST, {}, kind)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "two")

        assert known(HOST, {}, kind) is None
        assert resolve(HOST, {}, kind).target.source is not before.target.source

    def test_what_has_no_hash_is_resolved_each_time(self, kind: Kind) -> None:
        class Provider:
            __hash__ = None

            def load(self) -> object: ...

        said = {"credentials_provider": Provider()}
        assert resolve(HOST, said, kind) is not resolve(HOST, said, kind)
        assert resolve(HOST, said, kind).target.source is (
            resolve(HOST, said, kind).target.source
        )

    def test_only_so_many_are_kept(
        self, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("moorline.dsql.resolve.MOST_PLANS", 2)
        for user in ("a", "b", "c"):
            resolve(HOST, {"user": user}, kind)

        assert known(HOST, {"user": "a"}, kind) is None
        assert known(HOST, {"user": "c"}, kind) is not None

    def test_drivers_share_tokens(self) -> None:
        sources = {id(resolve(HOST, {}, kind).target.source) for kind in ALL_KINDS}

        assert len(sources) == 1
        assert environment.environment.read()  # by which they are told apart


def test_no_repr_and_no_error_shows_a_secret(kind: Kind, secret: str) -> None:
    def provider() -> tuple[str, str, str]:
        return "key", secret, secret

    plan = resolve(HOST, {"credentials_provider": provider}, kind)
    token = plan.target.source.sign()
    plan.target.source.token = token

    shown = f"{plan!r} {plan.target!r} {plan.target.source!r} {token!r}"
    shown += repr(vars(plan.target.source))
    assert secret not in shown
    assert token.text.reveal() not in shown
    with pytest.raises(ConfigError) as raised:
        resolve(HOST, {"password": secret}, kind)
    assert secret not in str(raised.value)

"""Whatever is written as conninfo or options: a `ConfigError`, or the driver's error.

Nothing but loopback is dialled: host, address and port are given by keyword, which
wins, and nothing listens there. Where an error is neither ours nor of the driver's own
classes, the unmodified driver must raise the same class for the same input without our
options.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg as plain_asyncpg
import psycopg as plain_psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moorline.core.conninfo import split
from moorline.drivers import asyncpg as of_asyncpg
from moorline.drivers import psycopg as of_psycopg
from moorline.errors import ConfigError
from moorline.yugabyte import Cluster, asyncpg, environment, psycopg, registry, resolve
from moorline.yugabyte.options import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BOUNDED = settings(
    max_examples=300,
    deadline=None,
    # What the fixtures give is made anew in each example, by `world`.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
PSYCOPGS = (ConfigError, plain_psycopg.Error)
ASYNCPGS = (
    ConfigError,
    plain_asyncpg.PostgresError,
    plain_asyncpg.InterfaceError,
    plain_asyncpg.InternalClientError,
    OSError,  # a TimeoutError is one
)
ON = "load_balance=true"
HUGE = "9" * 5000  # more digits than Python converts


# Names and values.

OURS = [
    *(option.name for option in TABLE),
    *("load-balance", "loadBalance", "LOAD BALANCE", "load_balance_hosts"),
    *("load-balance-hosts", "topology-keys", "topologyKeys"),
    *("ybServersRefreshInterval", "failed_host_ttl_seconds", "failedHostTtlSeconds"),
    *("load_balence", "topology_key"),
]
THEIRS = [
    *("host", "hostaddr", "port", "user", "password", "dbname", "database", "service"),
    *("sslmode", "ssl", "application_name", "options", "connect_timeout", "timeout"),
    *("target_session_attrs", "krbsrvname", "gssencmode", "channel_binding"),
    *("client_encoding", "server_settings", "command_timeout", "direct_tls"),
    *("statement_cache_size", "zzz"),
]
names = st.sampled_from(OURS) | st.sampled_from(THEIRS)

VALUES = [
    *("true", "false", "any", "only-primary", "prefer-rr", "TRUE", "True ", "random"),
    *("c.r.z", "c.r.z:1,c.r.*:2", "*.*.*", "c.r", "c.r.z:99", f"c.r.z:{HUGE}", ",,"),
    *("0", "5", "300", "-1", "601", HUGE, "1.5", "1e308", "1e400", "nan", "-inf", "٣"),
    *("", " ", "\n", "'", "\\", "%", "%00", "%ff", "%zz", "=", "&", "@", "1 2"),
    *("\0", "a\0b", "\udcff", "\ud800", "é", "🦊"),
    *("h", "h1,h2", "127.0.0.1", "::1", "[::1]", "[::1", "fe80::1%eth0", "/run"),
    *("5433", "5433,5434", "5433,", "65536", "70000", "-5", "0x10"),
    *("require", "verify-full"),
]
# Pairs that make sense, so that not all is refused for its first mistake.
SOUND = {
    "load_balance": ["true", "any", "only-rr", "PreferPrimary"],
    "topologyKeys": ["c.r.z", "c.r.z:1,c.r.*:2"],
    "yb-servers-refresh-interval": ["0", "601"],
    "fallback_to_topology_keys_only": ["true"],
    "failed_host_ttl_seconds": ["60"],
    "user": ["app"],
    "sslmode": ["disable", "prefer"],
    "target_session_attrs": ["read-write"],
}
sound = st.sampled_from([(name, one) for name, some in SOUND.items() for one in some])
texts = (
    st.sampled_from(VALUES)
    | st.text(max_size=8)
    | st.text(" \t\n'\\=&?%@:/[],*.0129abc\0", max_size=10)
)


class Said:
    """An object that prints as whatever it is told."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Said({self._text!r})"


@dataclass
class Unhashable:
    """A function, as a token provider is one, that has no hash."""

    answer: object = ("127.0.0.1", 1)

    def __call__(self, *_: object) -> object:
        return self.answer


class Text(str):
    """A string of a class of its own."""

    __slots__ = ()


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=4),
    st.lists(st.sampled_from(["h", 1, None, "5433"]), max_size=3),
    st.tuples(st.integers()),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.sampled_from(
        [len, functools.partial(len), int, object(), Unhashable(), Text("true")]
    ),
    texts.map(Said),
)
arguments = st.lists(
    sound | st.tuples(names | st.text(max_size=4), texts | odd), max_size=4
).map(dict)


# Texts that look like conninfos.


def bare(value: str) -> str:
    return "".join(f"\\{c}" if c in " \t\n\v\f\r'\\" else c for c in value)


def quoted(value: str) -> str:
    return "'" + "".join(f"\\{c}" if c in "'\\" else c for c in value) + "'"


def encoded(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode(errors="surrogatepass"))


items = st.lists(sound | st.tuples(names, texts), max_size=5)


@st.composite
def keywords(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", f"{ON} ", f"{ON} "]))
    for name, value in draw(items):
        equals = draw(st.sampled_from(["=", "=", " = ", "", "=="]))
        write: Any = draw(st.sampled_from([bare, quoted, str]))
        text += f"{name}{equals}{write(value)}{draw(st.sampled_from([' ', ' ', '']))}"
    return text


HOSTS = (
    *("", "h", "127.0.0.1", "[::1]", "[", "]", "[fe80::1%25eth0]", "%2Frun", "h%zz"),
    *("a b", "h\udcff", "é", "℀"),
)
PORTS = ("", ":5433", ":", ":x", ":99999", f":{HUGE}", ":5433:5434")
places = st.tuples(st.sampled_from(HOSTS), st.sampled_from(PORTS)).map("".join)


@st.composite
def uris(draw: st.DrawFn) -> str:
    schemes = ["postgresql://", "postgres://", "postgresql:", "http://"]
    users = ["", "app@", "a:b@", ":@", "a%zz@", f"u?{ON}@", "a@b@"]
    paths = ["", "/", "/db", "/%ff", "/a?", "#f"]
    text = draw(st.sampled_from(schemes)) + draw(st.sampled_from(users))
    text += ",".join(draw(st.lists(places, max_size=3)))
    text += draw(st.sampled_from(paths)) + draw(st.sampled_from(["?", f"?{ON}&"]))
    for name, value in draw(items):
        write: Any = draw(st.sampled_from([encoded, encoded, str]))
        equals = draw(st.sampled_from(["=", "=", "", "=="]))
        text += f"{name}{equals}{write(value)}{draw(st.sampled_from(['&', '&&', '']))}"
    return text


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a text that looks like a conninfo, with a few places overwritten."""
    text = draw(keywords() | uris())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        piece = draw(st.sampled_from(["", *"'\\%\0\udcff=&[]@? ,", "://"]))
        text = text[:start] + piece + text[start + draw(st.integers(0, 4)) :]
    return text


conninfos = st.one_of(
    st.sampled_from(["", ON, f"postgresql://h/?{ON}"]),
    keywords(),
    uris(),
    mutated(),
    st.text(st.characters(), max_size=30),
)


# The environment.


def may_be_set(value: str) -> bool:
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeError:
        return False


VARIABLES = [
    *(option.env for option in TABLE if option.env),
    *("MOORLINE_YB_ZZZ", "MOORLINE_YB_LOAD_BALENCE", "PGHOST", "PGHOSTADDR", "PGPORT"),
    *("PGSERVICE", "PGCONNECT_TIMEOUT", "PGUSER", "PGPASSWORD", "PGAPPNAME"),
    *("PGSSLMODE", "PGLOADBALANCEHOSTS", "PGTARGETSESSIONATTRS"),
]
variables = st.one_of(
    st.just({}),
    st.just({"MOORLINE_YB_LOAD_BALANCE": "true"}),
    st.dictionaries(st.sampled_from(VARIABLES), texts.filter(may_be_set), max_size=3),
)


# The world: loopback, and nobody there.


@pytest.fixture(autouse=True)
def _no_names_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def lookup(host: object, *args: Any, **named: Any) -> Any:
        if host not in {"127.0.0.1", b"127.0.0.1"}:
            pytest.fail(f"{host!r} was looked up")  # passes every `except Exception`
        return known(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.fixture(scope="module")
def deaf() -> Iterator[int]:
    """Return a port of 127.0.0.1 that is taken, and where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def in_a_new_process(
    env: Mapping[str, str], call: Callable[[], object]
) -> Exception | None:
    """Return what a call raises in a process that knows no cluster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_states", {})
        patch.setattr(resolve, "variables", environment.Variables())
        resolve._resolve.cache_clear()
        for name, value in env.items():
            patch.setenv(name, value)
        error = caught(call)
        refused = error is not None and registry._states
        assert not refused or reached_the_driver(error), "a state was kept"
    return error


def caught(call: Callable[[], object]) -> Exception | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
        return error
    return None


def reached_the_driver(error: Exception | None) -> bool:
    """Tell whether an error came up behind the reading of options."""
    trace = error.__traceback__ if error else None
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("moorline.shell"):
            return True
        trace = trace.tb_next
    return False


class Way:
    """One way to connect, ours and the driver's own, to where nobody listens."""

    def __init__(self, name: str, port: int, runner: asyncio.Runner) -> None:
        here = {"host": "127.0.0.1", "port": port}
        is_asyncpg = name == "asyncpg"
        self.here = here if is_asyncpg else {**here, "hostaddr": "127.0.0.1"}
        self.errors = ASYNCPGS if is_asyncpg else PSYCOPGS
        self.module = of_asyncpg if is_asyncpg else of_psycopg
        self._run = (lambda result: result) if name == "psycopg" else runner.run
        self._ours, self._plain = {
            "psycopg": (psycopg.connect, plain_psycopg.connect),
            "psycopg-async": (
                psycopg.AsyncConnection.connect,
                plain_psycopg.AsyncConnection.connect,
            ),
            "asyncpg": (asyncpg.connect, plain_asyncpg.connect),
        }[name]

    def connect(self, conninfo: str, options: Mapping[str, Any]) -> None:
        self._run(self._ours(conninfo, **{**options, **self.here}))

    def plain(self, conninfo: str, options: Mapping[str, Any]) -> None:
        self._run(self._plain(conninfo, **{**options, **self.here}))

    def judge(
        self,
        error: Exception | None,
        conninfo: str,
        options: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> None:
        """Fail if an error is not one that the driver would raise without us."""
        if error is None or isinstance(error, self.errors):
            return
        rest = split(conninfo, TABLE.holds).rest
        theirs = {n: v for n, v in options.items() if not TABLE.holds(n, v)}
        # Of several mistakes, the driver may find another one first.
        one_each = [("", {name: value}) for name, value in theirs.items()]
        inputs = [(rest, theirs), (rest, {}), *one_each]
        calls = [functools.partial(self.plain, *one) for one in inputs]
        found = {type(in_a_new_process(env, call)) for call in calls}
        if type(error) not in found:
            raise error


@pytest.fixture(params=["psycopg", "psycopg-async", "asyncpg"])
def way(request: pytest.FixtureRequest, deaf: int, runner: asyncio.Runner) -> Way:
    return Way(request.param, deaf, runner)


def anything(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with whatever can be written, and with what once went wrong."""
    uri = f"postgresql://h/?{ON}"
    for conninfo, options, env in (
        ("", {"load_balance": None, "loadBalance": "true"}, {}),
        (uri, {"address_map": None}, {}),
        (uri, {"address_map": Unhashable()}, {}),
        (uri, {"password": Unhashable()}, {}),
        (uri, {"port": HUGE}, {}),
        (f"postgresql://h:{HUGE}/?{ON}", {}, {}),
        (uri, {}, {"MOORLINE_YB_ZZZ": "x"}),
        (uri, {}, {"PGPASSWORD": "\udcff"}),
    ):
        test = example(conninfo=conninfo, options=options, env=env)(test)
    return BOUNDED(given(conninfo=conninfos, options=arguments, env=variables)(test))


@anything
def test_options_are_read_or_refused(way: Way, conninfo, options, env) -> None:
    dialect = way.module.DIALECT
    written = asyncpg._written(options) if way.module is of_asyncpg else options
    error = in_a_new_process(env, lambda: resolve.resolve(conninfo, written, dialect))
    way.judge(error, conninfo, options, env)


@anything
def test_a_connect_ends_with_an_error_of_ours_or_of_the_driver(
    way: Way, conninfo, options, env
) -> None:
    error = in_a_new_process(env, lambda: way.connect(conninfo, options))
    assert error is not None
    way.judge(error, conninfo, options, env)


@anything
def test_a_cluster_is_made_or_refused(
    deaf: int, runner: asyncio.Runner, conninfo, options, env
) -> None:
    way = Way("psycopg", deaf, runner)
    error = in_a_new_process(env, lambda: Cluster(conninfo, **options))
    way.judge(error, conninfo, options, env)

"""psycopg without a server; real ones are in tests/yugabyte."""

from __future__ import annotations

import asyncio
import socket
import threading

import psycopg
import pytest

from moorline.core.address import Address
from moorline.core.faults import Verdict, classify, sqlstate_of
from moorline.core.secret import Secret
from moorline.core.steps import Connect
from moorline.drivers.psycopg import (
    DIALECT,
    AsyncPsycopg,
    ConfigError,
    DeadlineExceeded,
    NoNodeAvailable,
    Psycopg,
    acurrent,
    current,
    defaults,
    fault_of,
    keywords,
    read,
)

NODE = Address("db1", 5433)
SECRET = "hunter2"


@pytest.fixture
def closed_port():
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, so nobody else gets it; deaf
        yield taken.getsockname()[1]


# Faults.


async def errors_of(conninfo):
    """Return the error of a blocking connect, and of one under asyncio."""
    with pytest.raises(psycopg.Error) as blocking:
        psycopg.connect(conninfo)
    with pytest.raises(psycopg.Error) as waiting:
        await psycopg.AsyncConnection.connect(conninfo)
    return blocking.value, waiting.value


async def test_a_closed_port_is_the_nodes_fault(closed_port):
    for error in await errors_of(f"host=127.0.0.1 port={closed_port}"):
        fault = fault_of(error)
        assert (fault.reason, classify(fault)) == ("Connection refused", Verdict.NODE)


async def test_a_socket_that_is_not_there_is_the_nodes_fault(tmp_path):
    for error in await errors_of(f"host={tmp_path}"):
        fault = fault_of(error)
        assert (fault.reason, classify(fault)) == (
            "No such file or directory",
            Verdict.NODE,
        )


@pytest.mark.parametrize(
    "option",
    [
        "bogus=1",
        "sslmode=x",
        "channel_binding=x",
        "gssencmode=x",
        "target_session_attrs=x",
        "load_balance_hosts=x",
        "port=99999",
        "keepalives=x",
        "connect_timeout=x",
    ],
)
async def test_a_bad_parameter_is_the_callers_fault(option, closed_port):
    for error in await errors_of(f"host=127.0.0.1 port={closed_port} {option}"):
        assert classify(fault_of(error)) is Verdict.CALLER, error


@pytest.mark.parametrize(
    ("error", "verdict", "state"),
    [
        (TimeoutError(), Verdict.NODE, "08006"),
        (
            psycopg.errors.ConnectionTimeout("connection timeout expired"),
            Verdict.NODE,
            "08006",
        ),
        (psycopg.OperationalError("the connection is lost"), Verdict.NODE, "08006"),
        (psycopg.errors.AdminShutdown("x"), Verdict.NODE, "57P01"),
        (psycopg.errors.CannotConnectNow("x"), Verdict.NODE, "57P03"),
        (psycopg.errors.TooManyConnections("x"), Verdict.FULL, "53300"),
        (psycopg.errors.InvalidPassword("x"), Verdict.CALLER, "28P01"),
        (psycopg.errors.UndefinedFunction("x"), Verdict.CALLER, "42883"),
        (psycopg.ProgrammingError("x"), Verdict.CALLER, "28000"),
        (psycopg.InterfaceError("x"), Verdict.CALLER, "28000"),
        (TypeError("x"), Verdict.CALLER, "28000"),
    ],
)
def test_exceptions_are_described(error, verdict, state):
    fault = fault_of(error)
    assert (classify(fault), sqlstate_of(fault)) == (verdict, state)


# Parameters.


@pytest.mark.parametrize(
    "conninfo", ["host=a,b port=1,2 user=u", "postgresql://u@a:1,b:2"]
)
def test_a_conninfo_is_parsed_by_libpq_into_text(conninfo):
    assert read(conninfo, {}) == {"host": "a,b", "port": "1,2", "user": "u"}
    assert read(conninfo, {"port": "3"})["port"] == "3"


def test_what_libpq_cannot_parse_is_its_own_error():
    with pytest.raises(psycopg.ProgrammingError, match="invalid connection option"):
        read("bogus=1", {})


def test_keywords_are_libpqs():
    assert {
        "host",
        "hostaddr",
        "port",
        "service",
        "connect_timeout",
        "ssl",
    } <= keywords()
    assert "load_balance" not in keywords()


def test_defaults_honour_the_environment_as_it_is_now(monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGHOSTADDR", "PGCONNECT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    before = defaults()
    assert before["port"] == "5432"
    assert "host" not in before
    monkeypatch.setenv("PGHOST", "a,b")
    monkeypatch.setenv("PGPORT", "5433")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    after = defaults()
    assert (after["host"], after["port"], after["connect_timeout"]) == (
        "a,b",
        "5433",
        "7",
    )


def test_defaults_honour_a_service_file(tmp_path, monkeypatch):
    file = tmp_path / "services.conf"
    file.write_text("[one]\nhost=s1\nport=6543\n")
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.delenv("PGPORT", raising=False)
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "one")
    found = defaults()
    assert (found["host"], found["port"]) == ("s1", "6543")


def test_the_dialect_raises_what_psycopgs_users_catch():
    assert (DIALECT.config_error, DIALECT.no_node, DIALECT.deadline) == (
        ConfigError,
        NoNodeAvailable,
        DeadlineExceeded,
    )


# What a step becomes.


class Recorder:
    """Stands in for psycopg's connect; notes its arguments."""

    def __init__(self):
        self.calls = []

    def __call__(self, conninfo, **arguments):
        self.calls.append((conninfo, arguments))
        return "conn"

    async def wait(self, conninfo, **arguments):
        return self(conninfo, **arguments)


@pytest.fixture(params=["blocking", "asyncio"])
def dialled(request):
    """Perform a connect step with either driver; return what psycopg gets."""

    async def dial(step, conninfo="user=u", **arguments):
        recorder = Recorder()
        if request.param == "blocking":
            result = Psycopg(recorder, conninfo, arguments).connect(step)
        else:
            result = await AsyncPsycopg(recorder.wait, conninfo, arguments).connect(
                step
            )
        assert result == "conn"
        [call] = recorder.calls
        return call

    return dial


@pytest.mark.parametrize(
    ("step", "arguments", "expected"),
    [
        (
            Connect(NODE, 9.7),
            {},
            {"host": "db1", "port": 5433, "hostaddr": "", "connect_timeout": 9},
        ),
        (
            Connect(Address("db1", 5433, "10.0.0.1"), 0.5),  # psycopg allows no less
            {},
            {"host": "db1", "port": 5433, "hostaddr": "10.0.0.1", "connect_timeout": 2},
        ),
        (
            Connect(NODE, 9.0),  # the node's own win over the caller's
            {
                "host": "x,y",
                "hostaddr": "1.1.1.1",
                "port": "1,2",
                "connect_timeout": 99,
                "user": "u",
            },
            {
                "host": "db1",
                "port": 5433,
                "hostaddr": "",
                "connect_timeout": 9,
                "user": "u",
            },
        ),
        (Connect(NODE, None), {}, {"host": "db1", "port": 5433, "hostaddr": ""}),
        (Connect(None, 9.0), {"host": "x,y", "port": 7}, {"host": "x,y", "port": 7}),
        (Connect(None, None), {}, {}),
        (  # a step's own password wins over the caller's
            Connect(NODE, None, password=Secret(SECRET)),
            {"password": "another"},
            {"host": "db1", "port": 5433, "hostaddr": "", "password": SECRET},
        ),
        (Connect(None, 9.0, password=Secret(SECRET)), {}, {"password": SECRET}),
    ],
)
async def test_a_connect_step_becomes_psycopgs_arguments(
    step, arguments, expected, dialled
):
    assert await dialled(step, "dbname=app", **arguments) == ("dbname=app", expected)


async def test_the_arguments_of_the_caller_are_not_changed():
    arguments = {"host": "x"}
    Psycopg(Recorder(), "", arguments).connect(Connect(NODE, 9.0))
    assert arguments == {"host": "x"}


@pytest.mark.parametrize("address", [NODE, None])
async def test_a_control_connection_is_psycopgs_own_with_autocommit(
    address, monkeypatch
):
    recorder, mine = Recorder(), Recorder()
    monkeypatch.setattr(psycopg.Connection, "connect", recorder)
    monkeypatch.setattr(psycopg.AsyncConnection, "connect", recorder.wait)
    step = Connect(address, 9.0, control=True)
    Psycopg(mine, "user=u", {}).connect(step)
    await AsyncPsycopg(mine.wait, "user=u", {}).connect(step)
    assert mine.calls == []
    assert [arguments["autocommit"] for _, arguments in recorder.calls] == [True, True]


async def test_under_asyncio_a_share_is_exact():
    async def never(conninfo, **arguments):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await AsyncPsycopg(never, "", {}).connect(Connect(NODE, 0.0))


@pytest.mark.parametrize("cls", [Psycopg, AsyncPsycopg])
def test_no_text_of_a_dialer_shows_a_secret(cls):
    dialer = cls(None, f"password={SECRET}", {"password": SECRET})
    assert SECRET not in f"{dialer!r} {dialer} {vars(dialer)}"


class Closable:
    def __init__(self, closed):
        self.closed = closed


@pytest.mark.parametrize("closed", [True, False])
def test_closed_is_what_psycopg_says(closed):
    assert DIALECT.life.is_closed(Closable(closed)) is closed


@pytest.mark.parametrize("cls", [psycopg.Connection, psycopg.AsyncConnection])
def test_psycopgs_connections_say_it(cls):
    assert isinstance(cls.closed, property)


# Passwords of the moment.


async def test_a_password_may_be_a_function():
    words = iter(["one", "two"])
    given = {"password": lambda: next(words), "user": "u"}
    assert current(given) == {"password": "one", "user": "u"}
    assert await acurrent(given) == {"password": "two", "user": "u"}
    assert current({"user": "u"}) == {"user": "u"}

    async def asked():
        return "three"

    assert (await acurrent({"password": asked}))["password"] == "three"


async def test_a_password_that_is_no_string_is_an_error():
    async def asked():
        return "three"

    with pytest.raises(ConfigError, match="gave a coroutine, not a string"):
        current({"password": asked})
    with pytest.raises(ConfigError, match="gave a NoneType, not a string"):
        await acurrent({"password": lambda: None})


# Less time than psycopg's least.


@pytest.fixture
def deaf():
    """A server that takes connections and never answers; its node."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, Address("127.0.0.1", server.getsockname()[1])


ALONE = {"sslmode": "disable", "gssencmode": "disable"}


def test_a_blocking_connect_takes_no_longer_than_its_time(deaf):
    server, node = deaf
    dialer = Psycopg(psycopg.Connection.connect, "", ALONE)
    with pytest.raises(TimeoutError) as raised:
        dialer.connect(Connect(node, 0.1))
    assert classify(fault_of(raised.value)) is Verdict.NODE
    # psycopg itself, which takes two seconds, is still at it.
    (left,) = [t for t in threading.enumerate() if t.name == "moorline-connect"]
    server.accept()[0].close()
    left.join()


def test_what_a_short_connect_raises_is_raised(closed_port):
    dialer = Psycopg(psycopg.Connection.connect, "", ALONE)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        dialer.connect(Connect(Address("127.0.0.1", closed_port), 1.0))


class Slow:
    """Stands in for ``connect``: it opens when it is told to."""

    def __init__(self):
        self.go, self.closed = threading.Event(), threading.Event()

    def connect(self, conninfo, **arguments):
        self.go.wait()
        return self

    def close(self):
        self.closed.set()


def test_a_connection_that_comes_too_late_is_closed():
    slow = Slow()
    with pytest.raises(TimeoutError):
        Psycopg(slow.connect, "", {}).connect(Connect(NODE, 0.01))
    slow.go.set()
    assert slow.closed.wait(10)


def test_a_connection_in_time_is_handed_over():
    slow = Slow()
    slow.go.set()
    assert Psycopg(slow.connect, "", {}).connect(Connect(NODE, 1.0)) is slow
    assert not slow.closed.is_set()

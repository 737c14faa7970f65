"""asyncpg without a server; real ones are in tests/yugabyte."""

from __future__ import annotations

import asyncio
import socket
import ssl

import asyncpg
import pytest
from asyncpg import exceptions

from moorline import errors
from moorline.core.address import Address
from moorline.core.conninfo import contact_points
from moorline.core.faults import Verdict, classify, sqlstate_of
from moorline.core.secret import Secret
from moorline.core.steps import Connect
from moorline.drivers.asyncpg import (
    DIALECT,
    Asyncpg,
    ConfigError,
    NoNodeAvailable,
    defaults,
    fault_of,
    keywords,
    read,
)

NODE = Address("db1", 5433)
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


# Faults.


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "NODE", "refused"),
        (ConnectionResetError(104, "x"), "NODE", "reset by peer"),
        (OSError("Multiple exceptions: a, b"), "NODE", "Multiple exceptions"),
        (socket.gaierror(-2, "Name or service not known"), "NODE", "not known"),
        (TimeoutError(), "NODE", "no answer in time"),
        (ssl.SSLError(1, "wrong version number"), "NODE", "wrong version"),
        (exceptions.ConnectionDoesNotExistError("closed"), "NODE", "closed"),
        (exceptions.CannotConnectNowError("starting up"), "NODE", "starting up"),
        (exceptions.AdminShutdownError("terminating"), "NODE", "terminating"),
        (exceptions.TooManyConnectionsError("too many"), "FULL", "too many"),
        (exceptions.InvalidPasswordError("no"), "CALLER", "no"),
        (exceptions.InvalidCatalogNameError("no"), "CALLER", "no"),
        (exceptions.UndefinedObjectError("no"), "CALLER", "no"),
        (ssl.SSLCertVerificationError(1, "unable to verify"), "CALLER", "verify"),
        (ConnectionError("server rejected SSL upgrade"), "CALLER", "rejected"),
        (exceptions.ClientConfigurationError("bad"), "CALLER", "bad"),
        (exceptions.InterfaceError("bad"), "CALLER", "bad"),
        (FileNotFoundError(2, "No such file"), "CALLER", "No such file"),
        (TypeError("bad"), "CALLER", "bad"),
    ],
)
def test_whose_fault_it_is(error, verdict, reason):
    fault = fault_of(error)
    assert classify(fault) is Verdict[verdict]
    assert reason in fault.reason


def test_a_server_without_the_function_is_told_by_its_sqlstate():
    assert sqlstate_of(fault_of(exceptions.UndefinedFunctionError("no"))) == "42883"


# Where to connect.


@pytest.mark.parametrize(
    ("dsn", "arguments", "contacts"),
    [
        ("postgresql://u:p@h/d", {}, [("h", 5432)]),
        ("postgresql://h:1/d", {}, [("h", 1)]),
        ("postgres://a:1,b,[::1]:3/d", {}, [("a", 1), ("b", 5432), ("::1", 3)]),
        ("postgresql://[fe80::1]/d", {}, [("fe80::1", 5432)]),
        ("postgresql://u@%2Fsrv%2Fdir:7/d", {}, [("/srv/dir", 7)]),
        ("postgresql:///d?host=/srv&port=7", {}, [("/srv", 7)]),
        ("postgresql:///d?host=a:1,b:2", {}, [("a", 1), ("b", 2)]),
        ("postgresql:///d?host=a,b&port=5", {}, [("a", 5), ("b", 5)]),
        ("postgresql://h:1/d?host=other", {}, [("h", 1)]),
        ("postgresql://h:1/d", {"host": "x"}, [("x", 5432)]),
        ("postgresql://h:1/d", {"port": "9"}, [("h", 9)]),
        ("", {"host": "a,b", "port": "1,2"}, [("a", 1), ("b", 2)]),
        ("", {}, [("", 5432)]),
    ],
)
def test_contact_points_are_those_of_asyncpg(dsn, arguments, contacts):
    said = read(dsn, arguments)
    found = contact_points({**defaults(), **said}, 5432)
    assert [(one.host, one.port) for one in found] == contacts
    if contacts != [("", 5432)]:
        assert asyncpgs(dsn, arguments) == contacts


def asyncpgs(dsn, arguments):
    """Return the addresses that asyncpg itself finds; no public name gives them."""
    from asyncpg.connect_utils import _parse_connect_dsn_and_args  # noqa: PLC0415

    given = {"host": None, "port": None}
    for name, text in arguments.items():
        given[name] = text.split(",") if "," in text else text
    others = "password passfile database ssl service servicefile direct_tls"
    others += " server_settings target_session_attrs krbsrvname gsslib"
    found, _ = _parse_connect_dsn_and_args(
        dsn=dsn or None, user="u", **given, **dict.fromkeys(others.split())
    )
    return [
        (place.rpartition("/")[0], int(place.rpartition(".")[2]))
        if isinstance(place, str)
        else tuple(place)
        for place in found
    ]


def test_the_environment_is_asyncpgs(monkeypatch):
    monkeypatch.setenv("PGHOST", "e1,e2")
    monkeypatch.setenv("PGPORT", "7")
    assert defaults() == {"host": "e1,e2", "port": "7"}
    assert read("postgresql://a,b:3/d", {}) == {"host": "a,b", "port": "7,3"}


def test_a_service_is_a_service():
    assert read("postgresql:///d?service=prod", {})["service"] == "prod"


def test_keywords_are_those_of_connect_and_of_a_dsn():
    assert {"host", "server_settings", "sslmode", "timeout"} <= keywords()
    assert "load_balance" not in keywords()


# Errors.


def test_errors_are_moorlines_and_asyncpgs():
    assert issubclass(ConfigError, (errors.ConfigError, asyncpg.InterfaceError))
    assert issubclass(NoNodeAvailable, errors.NoNodeAvailable)
    assert issubclass(NoNodeAvailable, OSError)
    assert issubclass(DIALECT.deadline, TimeoutError)
    assert str(ConfigError("what is wrong")) == "what is wrong"
    assert str(NoNodeAvailable("summary", hint="cure")) == "summary\ncure"


# Steps.


class Recorded:
    """Stands in for ``asyncpg.connect``: it only notes what it is asked."""

    def __init__(self, monkeypatch):
        self.calls = []
        monkeypatch.setattr("moorline.drivers.asyncpg.connect", self.connect)

    async def connect(self, dsn, **arguments):
        self.calls.append((dsn, arguments))
        return "connection"


@pytest.fixture
def recorded(monkeypatch):
    return Recorded(monkeypatch)


async def test_a_node_takes_the_place_of_the_hosts(recorded):
    dialer = Asyncpg("postgresql://a,b/d", {"host": ["x", "y"], "user": "u"})
    assert await dialer.connect(Connect(NODE, 3.5)) == "connection"
    assert recorded.calls == [
        (
            "postgresql://a,b/d",
            {"host": "db1", "port": 5433, "user": "u", "timeout": 3.5},
        )
    ]


async def test_a_control_connection_leaves_the_callers_classes_alone(recorded):
    own = {"connection_class": object, "record_class": object, "ssl": "require"}
    await Asyncpg("", own).connect(Connect(NODE, 2.0, control=True))
    [(dsn, arguments)] = recorded.calls
    assert dsn is None
    assert arguments.keys() == {
        "host",
        "port",
        "ssl",
        "statement_cache_size",
        "timeout",
    }


async def test_without_a_node_the_call_is_as_it_was_written(recorded):
    await Asyncpg("postgresql://a/d", {"timeout": 60}).connect(Connect(None, 2.0))
    assert recorded.calls == [("postgresql://a/d", {"timeout": 60})]


@pytest.mark.parametrize("given", [{}, {"password": "another"}])
async def test_a_steps_password_is_that_connects(recorded, given):
    step = Connect(NODE, 3.5, password=Secret(SECRET))
    await Asyncpg("", given).connect(step)
    [(_, arguments)] = recorded.calls
    assert arguments["password"] == SECRET
    assert SECRET not in repr(step)


def test_no_repr_shows_a_password():
    dialer = Asyncpg(f"postgresql://u:{SECRET}@h/d", {"password": SECRET})
    assert SECRET not in repr(vars(dialer))


class Stuck:
    """A connection that cannot say goodbye."""

    terminated = False

    async def close(self, timeout):  # noqa: ASYNC109 - asyncpg's
        assert timeout > 0
        raise TimeoutError

    def terminate(self):
        self.terminated = True


async def test_a_connection_that_cannot_be_closed_is_cut():
    conn = Stuck()
    await Asyncpg("", {}).close(conn)
    assert conn.terminated


async def test_a_silent_server_costs_the_steps_time_and_no_more():
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = Address("127.0.0.1", server.getsockname()[1])
        dialer = Asyncpg("postgresql://u:p@h/d", {"ssl": False})
        async with asyncio.timeout(30):
            with pytest.raises(TimeoutError) as raised:
                await dialer.connect(Connect(node, 0.05))
    assert classify(fault_of(raised.value)) is Verdict.NODE

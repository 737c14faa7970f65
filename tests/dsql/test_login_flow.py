"""The flow of a login alone: what it decides, by a clock that is set by hand."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from moorline.core.address import Address
from moorline.core.faults import Fault
from moorline.core.secret import Secret
from moorline.core.steps import Act, Connect, Now, Sleep
from moorline.dsql.endpoint import endpoint_of
from moorline.dsql.login import Target, login
from moorline.dsql.signing import Token
from moorline.dsql.tokens import TokenSource
from moorline.errors import DeadlineExceeded, TokenError
from tests.core.scripted import DIALECT, DriverError

ID = "abc0123456789defghijklmnop"
HOST = f"{ID}.dsql.eu-west-1.on.aws"
BUSY = "unable to accept connection, waking up cluster, please retry later"
STALE = "unable to accept connection, access denied\nHINT: Signature expired: x"
DENIED = "unable to accept connection, access denied"


class Service:
    """A cluster that says what it is told to, and then lets everybody in."""

    def __init__(self, *refusals: str, took: float = 0.0) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.steps: list[Connect] = []
        self.signed = 0
        self.turns = [0.0]
        self._refusals, self._took = [*refusals], took

    def sign(self) -> Token:
        self.signed += 1
        return Token(Secret(f"token {self.signed}"), 1e9, 2e9, 2e9)

    def turn(self) -> float:
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]

    def login(self, *, timeout: float | None = 30.0, host: str = HOST, **options):
        source = TokenSource(
            self.sign,
            clock=lambda: self.now,
            new_lock=threading.Lock,
            new_flight=Future,
            dice=lambda: 0.0,
        )
        endpoint = endpoint_of(host, **options.pop("told", {}))
        target = Target(
            endpoint=endpoint,
            port=5432,
            user="admin",
            timeout=timeout,
            source=source,
            turn=self.turn,
            dice=lambda: 0.0,
            dialect=DIALECT,
            **{"hostaddr": "", "dials_names": True, **options},
        )
        return self._play(login(target))

    def _play(self, flow):
        try:
            step = flow.send(None)
            while True:
                try:
                    result = self._perform(step)
                except Exception as error:  # noqa: BLE001 - as the runners do
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def _perform(self, step):
        match step:
            case Now():
                return self.now
            case Sleep(seconds):
                self.slept.append(seconds)
                self.now += seconds
            case Act(function):
                return function()
            case Connect():
                self.steps.append(step)
                self.now += self._took
                if self._refusals:
                    raise DriverError(Fault(self._refusals.pop(0), answered=True))
                return "connection"
            case _:  # a signing beside the caller, and the wait for it
                if hasattr(step, "flow"):
                    return self._play(step.flow)
                return step.flight.result(0)
        return None


def test_the_first_try_needs_no_wait():
    service = Service()

    assert service.login() == "connection"
    (step,) = service.steps
    assert step.address == Address(HOST, 5432, "")
    assert step.password.reveal() == "token 1"
    assert (step.timeout, service.slept) == (30.0, [])


def test_a_busy_cluster_is_asked_ever_more_rarely():
    service = Service(*[BUSY] * 7)

    service.login(timeout=None)

    assert service.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert service.signed == 1


def test_no_wait_goes_beyond_the_time():
    """After 0.2, 0.4 and 0.8 seconds, 1.6 more would be too many."""
    service = Service(*[BUSY] * 9)

    with pytest.raises(DeadlineExceeded, match="the cluster takes nobody") as raised:
        service.login(timeout=3.0)

    assert service.slept == [0.2, 0.4, 0.8]
    assert [one.reason for one in raised.value.attempts] == [BUSY] * 4
    assert f"no connection to {HOST} within connect_timeout=3 s" in str(raised.value)


def test_what_is_left_of_the_time_is_what_a_try_may_take():
    service = Service(BUSY, took=4.0)

    service.login(timeout=10.0)

    assert [step.timeout for step in service.steps] == pytest.approx([10.0, 5.8])


def test_a_stale_token_is_replaced_once():
    service = Service(STALE)
    service.login()
    assert [step.password.reveal() for step in service.steps] == ["token 1", "token 2"]
    assert service.slept == []

    service = Service(STALE, STALE)
    with pytest.raises(TokenError, match="says 1000000000 seconds since 1970"):
        service.login()
    assert service.signed == 2


def test_being_stale_and_busy_by_turns_is_no_loop():
    service = Service(BUSY, STALE, BUSY, STALE)

    with pytest.raises(TokenError):
        service.login(timeout=None)

    assert len(service.steps) == 4


@pytest.mark.parametrize("text", [DENIED, "FATAL: database x does not exist", ""])
def test_other_refusals_are_final(text):
    service = Service(text)

    with pytest.raises(DriverError):
        service.login()

    assert (len(service.steps), service.slept) == (1, [])


def test_each_try_takes_a_turn_and_waits_for_it():
    service = Service(BUSY)
    service.turns = [0.5, 0.7, 0.0]

    service.login()

    assert service.slept == [0.5, 0.2, 0.7]


def test_a_turn_that_comes_too_late_is_not_waited_for():
    service = Service()
    service.turns = [31.0]

    with pytest.raises(DeadlineExceeded, match="too many connects at once"):
        service.login()

    assert (service.slept, service.steps, service.signed) == ([], [], 0)


@pytest.mark.parametrize(
    ("options", "dialled"),
    [
        ({"host": "192.0.2.7"}, Address(HOST, 5432, "192.0.2.7")),
        (
            {"host": "2001:db8::7", "dials_names": False},
            Address(HOST, 5432, "2001:db8::7"),
        ),
        ({"host": "db.example.com"}, Address(HOST, 5432, "db.example.com")),
        (
            {"host": "db.example.com", "hostaddr": "192.0.2.9"},
            Address(HOST, 5432, "192.0.2.9"),
        ),
        (  # as many names as there are addresses, as libpq wants it
            {"host": "db.example.com", "dials_names": False},
            Address(f"{HOST},{HOST}", 5432, "192.0.2.1,192.0.2.2"),
        ),
    ],
)
def test_the_cluster_is_named_and_another_way_is_dialled(options, dialled, monkeypatch):
    found = [(0, 0, 0, "", (f"192.0.2.{n}", 5432)) for n in (1, 2, 1)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    service = Service()

    service.login(told={"cluster_id": ID, "region": "eu-west-1"}, **options)

    assert service.steps[0].address == dialled

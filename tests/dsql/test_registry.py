"""What a process shares: one source for each token, and the pace of its connects."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from moorline import dsql
from moorline.core.secret import Secret
from moorline.dsql import own_driver, registry, resolve
from moorline.dsql import psycopg as dsql_psycopg
from moorline.dsql.registry import TokenKey, source_for, turn
from moorline.dsql.signing import Token
from moorline.dsql.tokens import Failed, Signed
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from moorline.lab import DsqlLab

KEY = TokenKey("host", "us-east-1", "DbConnect", 900, "me")


def sign():
    now = time.time()
    return Token(Secret("text"), now, now + 900, now + 720)


def test_the_same_key_has_the_same_source():
    assert source_for(KEY, sign) is source_for(KEY, sign)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "other"},
        {"region": "eu-west-1"},
        {"action": "DbConnectAdmin"},
        {"seconds": 60},
        {"identity": "somebody else"},
    ],
)
def test_another_key_has_another(change):
    assert source_for(KEY, sign) is not source_for(KEY._replace(**change), sign)


def test_states_tell_of_tokens_without_showing_them():
    source = source_for(KEY, sign)
    assert dsql.token_states() == [("host", "DbConnect", None, None, None)]

    flight, _ = source.claim()
    source.land(flight, Signed(sign()))
    error = OSError("down")
    flight, _ = source.claim()
    source.land(flight, Failed(error))

    (state,) = dsql.token_states()
    assert state.good_until == source.token.good_until
    assert state.renew_at == source.token.renew_at
    assert state.last_error is error
    assert "text" not in repr(state)


def test_a_failure_is_logged_with_the_time_that_is_left(caplog):
    source = source_for(KEY, sign)
    flight, _ = source.claim()
    source.land(flight, Signed(sign()))
    assert caplog.messages == []

    flight, _ = source.claim()
    source.land(flight, Failed(OSError("down")))

    (message,) = caplog.messages
    assert message.startswith("no new token: down; the last one is good for 9")


def test_a_hundred_come_at_once_and_the_next_have_turns():
    turns = [turn("host") for _ in range(110)]

    assert turns[:100] == [0.0] * 100
    assert 0 < turns[-1] <= 0.1
    assert turns[100:] == sorted(turns[100:])


def test_each_cluster_has_its_own_pace():
    for _ in range(100):
        turn("host")

    assert turn("other") == 0


def test_the_pace_may_be_set():
    dsql.limit_connects(per_second=10, burst=1)

    turns = [turn("host") for _ in range(3)]

    assert turns[0] == 0
    assert turns[1] == pytest.approx(0.1, abs=0.05)
    assert turns[2] == pytest.approx(0.2, abs=0.05)


def test_setting_it_again_begins_anew():
    dsql.limit_connects(per_second=0.1, burst=1)
    turn("host")
    assert turn("host") > 5

    dsql.limit_connects()

    assert turn("host") == 0


@pytest.mark.parametrize(
    "options",
    [
        {"per_second": 0},
        {"per_second": -1},
        {"per_second": float("nan")},
        {"per_second": float("inf")},
        {"burst": 0},
        {"burst": 0.5},
        {"burst": float("nan")},
    ],
)
def test_a_pace_that_is_none_is_refused(options):
    ((name, value),) = options.items()
    with pytest.raises(ConfigError, match=f"{name}={value!r} .*: write a number"):
        dsql.limit_connects(**options)


def test_threads_take_different_turns():
    dsql.limit_connects(per_second=1, burst=1)
    turns: list[float] = []

    def take():
        turns.append(turn("host"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [round(seconds) for seconds in sorted(turns)] == [*range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_not_locked_out():
    """Another thread of the parent may have held the lock."""
    source_for(KEY, sign)
    with registry._lock:
        child = os.fork()
        if not child:
            status = 1
            try:
                source = source_for(KEY, sign)
                flight, leads = source.claim()
                source.land(flight, Signed(sign()))
                status = 0 if leads and turn("host") == 0 else 2
            finally:
                os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_no_repr_of_what_is_kept_shows_a_secret(cluster: DsqlLab) -> None:
    with dsql_psycopg.connect(host=cluster.endpoint, port=cluster.port):
        dsql.generate_token(cluster.endpoint)
        kept = repr((registry._sources, resolve._plans, own_driver._sources))
    assert cluster.secret_key not in kept
    assert cluster.session_token not in kept
    assert "X-Amz-Signature" not in kept

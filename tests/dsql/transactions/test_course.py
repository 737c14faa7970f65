"""What is done after each trouble, without a server, a clock or dice."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.retry import RetryPolicy
from moorline.dsql.occ import OCCType
from moorline.dsql.transactions import driver_psycopg
from moorline.dsql.transactions.course import Again, Course, Exhausted
from moorline.dsql.transactions.outcome import Stage, State, Trouble

SPEC = Path(__file__).parents[2] / "spec" / "course.toml"
CASES = tomllib.loads(SPEC.read_text("utf-8"))["cases"]
KEYS = {
    *("name", "stage", "code", "text", "error", "state", "pooled", "failures"),
    *("replaced", "elapsed", "policy", "expect", "delay", "kind"),
}
POLICY = {"max_attempts": 5, "jitter_factor": 0, "deadline": 30.0}
BEGAN = 1000.0
CONFLICT = Trouble(
    Stage.COMMIT, psycopg.errors.SerializationFailure("(OC000)"), State.IDLE
)


class ServerError(psycopg.Error):
    def __init__(self, text, code):
        super().__init__(text)
        self.sqlstate = code


def conflict():
    return psycopg.errors.SerializationFailure("(OC000)")


def caused_by(error, cause):
    error.__cause__ = cause
    return error


def error_of(case):
    match case.get("error"):
        case "cancelled":
            return asyncio.CancelledError()
        case "exhausted":
            kind = driver_psycopg.OCCRetryExhausted
            told = kind("gave up", attempts=3, kind=OCCType.DATA, elapsed=0.1)
            return caused_by(LookupError("wrapped"), caused_by(told, conflict()))
        case "unknown":
            told = driver_psycopg.CommitOutcomeUnknown("who knows")
            return caused_by(told, conflict())
    if "code" in case:
        return ServerError(case.get("text", ""), case["code"])
    return psycopg.OperationalError("the connection is lost")


def policy_of(case):
    changes = case.get("policy", {})
    if changes.get("deadline") == "none":
        changes = {**changes, "deadline": None}
    return RetryPolicy(**{**POLICY, **changes})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_follows_from_a_trouble(case):
    assert not case.keys() - KEYS
    course = Course(
        policy_of(case), BEGAN, case.get("failures", 0), case.get("replaced", 0)
    )
    trouble = Trouble(
        Stage[case["stage"].upper()],
        error_of(case),
        State[case["state"].upper()] if "state" in case else None,
        case.get("pooled", False),
    )
    verdict = course.after(trouble, BEGAN + case.get("elapsed", 0.0), 0.5)
    assert type(verdict).__name__.lower() == case["expect"]
    if isinstance(verdict, Again):
        assert verdict.delay == pytest.approx(case["delay"], abs=0)
        after = (verdict.course.failures, verdict.course.replaced)
        assert sum(after) == course.failures + course.replaced + 1
    if isinstance(verdict, Exhausted):
        assert verdict.kind is OCCType[case["kind"]]
        assert verdict.attempts == course.failures + 1
        assert verdict.elapsed == pytest.approx(case.get("elapsed", 0.0))


@st.composite
def policies(draw):
    base = draw(st.floats(0.1, 1000))
    return RetryPolicy(
        max_attempts=draw(st.integers(1, 100)),
        base_delay_ms=base,
        max_delay_ms=base * draw(st.floats(1, 1000)),
        jitter_factor=draw(st.floats(0, 1)),
        deadline=draw(st.none() | st.floats(0.01, 100)),
    )


@given(policies(), st.randoms(use_true_random=False))
def test_a_transaction_ends_within_its_policy(policy, chance):
    """However long attempts take, and however the dice fall."""
    course, now, made = Course(policy, BEGAN), BEGAN, 0
    while True:
        made += 1
        assert made <= policy.max_attempts
        now += chance.random() / 10
        verdict = course.after(CONFLICT, now, chance.random())
        if isinstance(verdict, Exhausted):
            assert verdict.attempts == made
            return
        assert isinstance(verdict, Again)
        assert 0 <= verdict.delay <= policy.max_delay_ms / 1000
        now += verdict.delay
        assert policy.deadline is None or now < BEGAN + policy.deadline
        course = verdict.course

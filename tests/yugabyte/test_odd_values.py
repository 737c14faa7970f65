"""Values that are odd and right, and such that are wrong: each once crashed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from moorline.drivers import asyncpg as of_asyncpg
from moorline.drivers import psycopg as of_psycopg
from moorline.errors import ConfigError
from moorline.yugabyte import Cluster, psycopg, registry
from moorline.yugabyte.resolve import resolve

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab

URI = "postgresql://h/?load_balance=true"
DIALECTS = [of_psycopg.DIALECT, of_asyncpg.DIALECT]


@dataclass
class Token:
    """A function that has no hash."""

    text: str = "x"

    def __call__(self) -> str:
        return self.text


def test_none_is_not_given(lab: YugabyteLab, world: World) -> None:
    plain = lab.dsn()
    world.open(1, plain, load_balance=None)
    world.open(3, plain, load_balance=True, address_map=None, topology_keys=None)
    assert lab.counts() == (2, 1, 1)


def test_a_function_without_a_hash_gives_the_password(
    lab: YugabyteLab, world: World
) -> None:
    world.open(3, lab.dsn(load_balance="true"), password=Token())
    assert lab.counts() == (1, 1, 1)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGAPPNAME", "\udce9"), ("PGOPTIONS", "-c application_name=\udce9")],
)
def test_variables_may_be_in_any_encoding(
    lab: YugabyteLab,
    psycopg_world: World,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    psycopg_world.open(3, lab.dsn(load_balance="true"))
    assert lab.counts() == (1, 1, 1)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_port_of_many_digits_is_an_error(dialect: Any) -> None:
    with pytest.raises(ConfigError, match="is no number"):
        resolve(URI, {"port": "9" * 5000}, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_refused_leaves_no_state(
    monkeypatch: pytest.MonkeyPatch, dialect: Any
) -> None:
    monkeypatch.setenv("MOORLINE_YB_ZZZ", "x")
    with pytest.raises(ConfigError, match="MOORLINE_YB_ZZZ"):
        resolve(URI, {}, dialect)
    assert registry._states == {}


def test_a_timeout_of_ages_may_be_waited_with(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true", connect_timeout="1e10")
    with ThreadPoolExecutor(8) as pool:
        for conn in list(pool.map(lambda _: psycopg.connect(dsn), range(8))):
            conn.close()


@pytest.mark.parametrize(
    "answer", [None, ("127.0.0.1", 70000), ("127.0.0.1", -1), ("127.0.0.1", True)]
)
def test_a_map_that_gives_no_address_is_an_error_of_the_drivers_kind(
    lab: YugabyteLab, world: World, answer: Any
) -> None:
    kinds = (psycopg.ProgrammingError, of_asyncpg.ConfigError)
    with pytest.raises(kinds, match="return a host and a port"):
        world.open(1, lab.dsn(load_balance="true"), address_map=lambda *_: answer)


@pytest.mark.parametrize("picker", [5, "worst", ()])
def test_a_picker_that_is_none_is_refused(lab: YugabyteLab, picker: Any) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="is unknown: write one of"):
        Cluster(lab.dsn(), picker=picker)


def test_a_password_that_is_no_string_is_an_error(
    lab: YugabyteLab, psycopg_world: World
) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="gave a int, not a string"):
        psycopg_world.open(1, lab.dsn(load_balance="true"), password=lambda: 5)

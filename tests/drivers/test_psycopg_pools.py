"""What the products' pools take, beside what psycopg_pool's take."""

from __future__ import annotations

import inspect
from typing import Any

import psycopg
import psycopg_pool
import pytest
from psycopg.rows import Row

from moorline.drivers.psycopg import ConfigError
from moorline.drivers.psycopg_pools import AsyncPoolOptions, PoolOptions, require
from moorline.dsql import psycopg_pools as dsql
from moorline.yugabyte import psycopg_pools as yugabyte

# What products have themselves; and what comes before the options.
OWN = {"configure", "max_lifetime"}
FIRST = {"self", "conninfo", "connection_class"}


def taken_by(pool: type) -> set[str]:
    """Return what psycopg_pool's class takes besides the first arguments."""
    return set(inspect.signature(pool.__init__).parameters) - FIRST


@pytest.mark.parametrize(
    ("options", "pools"),
    [
        (PoolOptions, (psycopg_pool.ConnectionPool, psycopg_pool.NullConnectionPool)),
        (
            AsyncPoolOptions,
            (psycopg_pool.AsyncConnectionPool, psycopg_pool.AsyncNullConnectionPool),
        ),
    ],
)
def test_the_options_are_those_of_psycopg_pool(options, pools):
    assert options.__required_keys__ == frozenset()
    for pool in pools:
        assert options.__optional_keys__ | OWN == taken_by(pool)
    assert not OWN & options.__optional_keys__


@pytest.mark.parametrize("name", ["PoolOptions", "AsyncPoolOptions"])
def test_yugabyte_leaves_all_of_them_to_psycopg_pool(name):
    options = getattr(yugabyte, name)
    assert options.__required_keys__ == frozenset()
    kind = name.removesuffix("PoolOptions")
    pool = getattr(psycopg_pool, f"{kind}ConnectionPool")
    assert options.__optional_keys__ == taken_by(pool)


@pytest.mark.parametrize("kind", ["ConnectionPool", "AsyncConnectionPool"])
def test_dsql_has_two_of_its_own(kind):
    named = set(inspect.signature(getattr(dsql, kind).__init__).parameters)
    assert named - FIRST - {"options"} == OWN


# The class of connections.


class Moored(psycopg.Connection[Row]):
    """What a product would have."""


class Derived(Moored[Row]):
    """What a program would make of it."""


@pytest.mark.parametrize("given", [Moored, Derived, Moored[Any], Derived[Any]])
def test_a_products_class_and_those_derived_from_it_will_do(given):
    require(given, Moored, "it is adrift")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (psycopg.Connection, "psycopg.Connection"),
        (psycopg.Connection[Any], "psycopg.Connection"),
        (psycopg.AsyncConnection, "psycopg.AsyncConnection"),
    ],
)
def test_another_class_will_not(given, name):
    with pytest.raises(ConfigError) as raised:
        require(given, Moored, "it is adrift")
    assert str(raised.value) == (
        f"connection_class={name}: it is adrift; derive it from {__name__}.Moored"
    )

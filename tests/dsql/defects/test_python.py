"""Defects of aurora-dsql-python-connector 0.2.7, which moorline lacks.

`defects.toml` has all of them by number, with the tests elsewhere that show most.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import botocore.session
import pytest

from moorline.dsql import asyncpg, psycopg
from moorline.dsql.resolve import resolve

if TYPE_CHECKING:
    from moorline.dsql.resolve import Kind
    from moorline.lab import DsqlLab
    from tests.dsql.conftest import World

ID = "abc0123456789defghijklmnop"
KINDS = pytest.mark.parametrize("kind", [psycopg.KIND, asyncpg.KIND])


def test_the_chain_of_credentials_is_walked_once(
    cluster: DsqlLab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6, P10 and R11: a session of AWS's library was made for each connection."""
    made: list[object] = []
    plain = botocore.session.Session

    def counted(**options: object) -> object:
        made.append(options)
        return plain(**options)

    monkeypatch.setattr(botocore.session, "Session", counted)
    world.connect_at_once(10, cluster)
    world.connect(cluster, user="app")

    assert len(made) == 1


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_importing_it_imports_neither_a_pool_nor_anything_of_aws(driver: str) -> None:
    """P11: it took 76 ms, and psycopg_pool was needed for single connections."""
    code = (
        f"import sys; from moorline.dsql import {driver}\n"
        "print([n for n in ('botocore', 'boto3', 'psycopg_pool') if n in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert ran.stdout == "[]\n"


@KINDS
def test_no_duration_is_the_default_one(kind: Kind, cluster: DsqlLab) -> None:
    """P13: 60 seconds were the default, and 3600 if it was `None`."""
    for said in ({}, {"token_duration_secs": None}):
        plan = resolve(cluster.endpoint, said, kind)
        assert "X-Amz-Expires=900&" in plan.target.source.sign().text.reveal()


@KINDS
def test_a_region_in_the_conninfo_is_not_overruled_by_the_default(
    kind: Kind, cluster: DsqlLab
) -> None:
    """P22: AWS_REGION won if the id came as a keyword argument."""
    plan = resolve("region=eu-west-1", {"host": ID}, kind)

    assert plan.target.endpoint.region == "eu-west-1"

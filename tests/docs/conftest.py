"""The cluster that the documentation names, in reach of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorline.dsql import resolve
from tests.dsql.conftest import fresh_process, reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.lab import DsqlLab
    from moorline.lab.pytest_plugin import MakeDsqlLab

__all__ = ["fresh_process", "reach"]

CLUSTER_ID = "abcdefghijklmnopqrst123456"
OTHER_NAMES = ("db.example.com",)


@pytest.fixture
def documented_cluster(
    make_dsql_lab: MakeDsqlLab,
    reach: Callable[..., DsqlLab],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[DsqlLab]:
    """A new cluster with the documentation's id, which examples reach as they stand.

    Names, credentials and authority are those of the lab. Its port is any that is free,
    so it takes the place of the default.
    """
    lab = reach(make_dsql_lab(cluster_id=CLUSTER_ID))
    monkeypatch.setattr(resolve, "DEFAULT_PORT", lab.port)
    monkeypatch.setenv("PGPORT", str(lab.port))  # for the drivers themselves
    with lab.names(*OTHER_NAMES):
        yield lab

"""What the demonstration of Aurora DSQL promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from moorline.cli import facts
from moorline.cli.facts import Fact, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INCREMENTS", "TITLES", "WORKERS", "Fact", "Outcome", "Report"]

WORKERS = 16
INCREMENTS = 25
TITLES = {
    "token": "a token, from credentials that are fetched once",
    "login": "a login that is verified before the token is sent",
    "transactions": f"{WORKERS} workers, each with {INCREMENTS} increments of one row",
}


class Report(facts.Report):
    """The demonstration of Aurora DSQL, as far as it came."""

    standin = (
        "A stand-in for Aurora DSQL: a real PostgreSQL server behind a front that ends "
        "TLS and verifies each token's signature, host, region, action and times. Two "
        "writers of a row conflict at the statement; DSQL tells the second one at "
        "COMMIT."
    )
    titles: ClassVar[Mapping[str, str]] = TITLES

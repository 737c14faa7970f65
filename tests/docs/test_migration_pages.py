"""The pages for those who come from YugabyteDB's own drivers know every option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moorline.yugabyte.options import TABLE

PAGES = sorted((Path(__file__).parents[2] / "docs").glob("migrate-*.md"))
ROW = re.compile(r"^\|([^|]*)\|([^|]*)\|[^|]*\|$", re.MULTILINE)
OPTION = re.compile(r"`([a-z]+_[a-z_]+)(?:=([^`]*))?`")
LIBPQS = {"disable", "random"}  # values of load_balance_hosts that stay libpq's


def options_of(page: Path) -> list[tuple[str, str]]:
    """Return the names in the first table of options, old and new, with values."""
    section = page.read_text("utf-8").partition("\n## Options\n")[2]
    table = section[section.index("|") :].partition("\n\n")[0]
    cells = "".join(old + new for old, new in ROW.findall(table))
    return [(name, value or "true") for name, value in OPTION.findall(cells)]


def test_there_are_pages() -> None:
    assert [page.stem for page in PAGES] == [
        "migrate-psycopg-yugabytedb",
        "migrate-psycopg2-yugabytedb",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_option_has_a_row_and_every_name_is_read(page: Path) -> None:
    found = {
        TABLE.find(name, value)
        for name, value in options_of(page)
        if value not in LIBPQS
    }
    assert found == set(TABLE)

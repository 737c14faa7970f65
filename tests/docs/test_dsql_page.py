"""The page on Aurora DSQL says what the code says."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import psycopg_pool
import pytest

from moorline import dsql
from moorline.core.retry import RetryPolicy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dsql.md").read_text("utf-8")
SAID_BY = (ROOT / "src" / "moorline", Path(psycopg_pool.__file__).parent)
# Said by OpenSSL, and by the service itself.
OTHERS = {"certificate verify failed", "54000", "program_limit_exceeded"}
GAP = "…"


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = PAGE.partition(f" {heading}\n")[2]
    lines = section[section.index("\n|") + 1 :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


TROUBLES = [
    text
    for row in table_under("At three in the morning")
    for text in re.findall("`([^`]+)`", row[0])
]


@cache
def texts() -> list[str]:
    """Return every text in the sources, with a gap where a value stands."""
    return [
        written(node)
        for folder in SAID_BY
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant | ast.JoinedStr)
    ]


def written(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(written, parts))
        case ast.FormattedValue(value=ast.Name(id="_PREFIX")):
            return "unable to accept connection"  # of the lab's server
        case _:
            return GAP


@pytest.mark.parametrize("text", TROUBLES)
def test_a_text_of_the_table_of_troubles_is_one_that_is_said(text: str) -> None:
    wanted = ".*".join(map(re.escape, text.split(GAP)))
    said = any(re.search(wanted, one) for one in texts())
    assert said or text in OTHERS


def test_the_table_of_troubles_has_rows() -> None:
    assert len(TROUBLES) >= 20


@pytest.mark.parametrize("row", table_under("How often, and after how long"))
def test_the_policies_of_the_page_are_those_of_the_code(row: list[str]) -> None:
    name, usual, seed = row
    field = name.strip("`")
    assert usual == f"{getattr(RetryPolicy(), field):g}"
    value = getattr(RetryPolicy.seed(), field)
    assert seed == (str(value) if value is None else f"{value:g}")


@pytest.mark.parametrize("name", dsql.__all__)
def test_every_public_name_is_on_the_page_of_the_api(name: str) -> None:
    api = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert re.search(rf"^\.\. auto\w+:: moorline\.dsql\.{name}$", api, re.MULTILINE)

"""The pages of options say what the tables of options say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorline.dsql.options import TABLE as DSQL
from moorline.questdb.options import TABLE as QUESTDB
from moorline.yugabyte.options import TABLE as YUGABYTE

if TYPE_CHECKING:
    from moorline.core.options import Option, Table

ROOT = Path(__file__).parents[2]
PAGES = {
    "yugabyte": ("options.md", YUGABYTE),
    "dsql": ("options-dsql.md", DSQL),
    "questdb": ("options-questdb.md", QUESTDB),
}
END = "<!-- end -->"


def begin(product: str) -> str:
    return f"<!-- made from the table in moorline.{product}.options -->"


def made(product: str, table: Table) -> str:
    """Return the table of a page; without variables where no option has one."""
    columns = ["option", "environment", "default", "meaning"]
    rows = [
        [names(option), written(option.env), written(option.default), option.help]
        for option in table
    ]
    if not any(option.env for option in table):
        for row in (columns, *rows):
            del row[1]
    rule = "|---" * len(columns) + "|\n"
    head, *body = (f"| {' | '.join(row)} |\n" for row in (columns, *rows))
    return f"{begin(product)}\n\n{head}{rule}{''.join(body)}\n{END}"


def names(option: Option[object]) -> str:
    others = ", ".join(f"`{name}`" for name in (*option.aliases, *option.shared))
    return f"`{option.name}`" + (f" (also {others})" if others else "")


def written(default: object) -> str:
    return (
        ""
        if default in ((), "", None)
        else f"`{default if isinstance(default, str) else str(default).lower()}`"
    )


@pytest.mark.parametrize("product", PAGES)
def test_the_table_of_the_page_is_made_from_the_table_of_the_code(product: str) -> None:
    """To write it anew: ``REWRITE=1 make test ARGS=tests/docs``."""
    name, table = PAGES[product]
    page = ROOT / "docs" / name
    text = page.read_text("utf-8")
    before, _, rest = text.partition(begin(product))
    _, _, after = rest.partition(END)
    if os.environ.get("REWRITE"):
        page.write_text(before + made(product, table) + after, "utf-8")
        text = page.read_text("utf-8")
    assert before + made(product, table) + after == text


@pytest.mark.parametrize("name", sorted(YUGABYTE.names))
def test_the_readme_names_every_option_with_its_default(name: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (option,) = (option for option in YUGABYTE if option.name == name)
    assert f"| `{name}` | {written(option.default)}" in readme

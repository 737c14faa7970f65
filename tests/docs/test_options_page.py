"""The page of options says what the table of options says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorline.yugabyte.options import TABLE

if TYPE_CHECKING:
    from moorline.core.options import Option

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "options.md"
BEGIN = "<!-- made from the table in moorline.yugabyte.options -->"
END = "<!-- end -->"


def made() -> str:
    rows = "".join(
        f"| {names(option)} | {written(option.env)} | {written(option.default)} "
        f"| {option.help} |\n"
        for option in TABLE
    )
    head = "| option | environment | default | meaning |\n|---|---|---|---|\n"
    return f"{BEGIN}\n\n{head}{rows}\n{END}"


def names(option: Option[object]) -> str:
    others = ", ".join(f"`{name}`" for name in (*option.aliases, *option.shared))
    return f"`{option.name}`" + (f" (also {others})" if others else "")


def written(default: object) -> str:
    return (
        ""
        if default in ((), "", None)
        else f"`{default if isinstance(default, str) else str(default).lower()}`"
    )


def test_the_table_of_the_page_is_made_from_the_table_of_the_code() -> None:
    """To write it anew: ``REWRITE=1 make test ARGS=tests/docs``."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if os.environ.get("REWRITE"):
        PAGE.write_text(before + made() + after)
        text = PAGE.read_text()
    assert before + made() + after == text


@pytest.mark.parametrize("name", sorted(TABLE.names))
def test_the_readme_names_every_option_with_its_default(name: str) -> None:
    readme = (ROOT / "README.md").read_text()
    (option,) = (option for option in TABLE if option.name == name)
    assert f"| `{name}` | {written(option.default)}" in readme

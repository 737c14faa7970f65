"""Every Python block of the README and of the documentation runs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from moorline.lab import YugabyteLab

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text()), 1)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_runs(example: str, yugabyte_lab: YugabyteLab) -> None:
    one, two, _ = yugabyte_lab.nodes
    here = f"{one.host}:{one.port},{two.host}:{two.port}"
    code = textwrap.dedent(example).replace("db1:5433,db2:5433", here)

    exec(compile(code, "<example>", "exec"), {"__name__": "example"})  # noqa: S102

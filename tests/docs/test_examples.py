"""Every Python block of the README and of the documentation runs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.docs.conftest import CLUSTER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorline.lab import QuestdbLab, YugabyteLab

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Those have commands as well, which are run with them: see test_questdb_page.py.
ELSEWHERE = {"questdb", "migrate-questdb-client"}
PAGES = [
    ROOT / "README.md",
    *(one for one in sorted((ROOT / "docs").glob("*.md")) if one.stem not in ELSEWHERE),
]
MARKS = {CLUSTER_ID: "dsql", "localhost:9000": "questdb"}
# Pages whose blocks go on where the block before ended: read from top to bottom.
READ_THROUGH = {"dsql", "migrate-aurora-dsql-python-connector"}


class Example(NamedTuple):
    """Python that stands on a page: one block, or all of them."""

    name: str
    blocks: tuple[str, ...]

    @property
    def needs(self) -> str:
        """Which service it is about."""
        for mark, service in MARKS.items():
            if any(mark in block for block in self.blocks):
                return service
        return "yugabyte"

    def run(self, places: Mapping[str, str] | None = None) -> None:
        """Run the blocks in one namespace, with other places for those they name."""
        names = {"__name__": "example"}
        for number, block in enumerate(self.blocks, 1):
            code = textwrap.dedent(block)
            for written, meant in (places or {}).items():
                code = code.replace(written, meant)
            exec(compile(code, f"<{self.name} {number}>", "exec"), names)  # noqa: S102


def examples_of(page: Path) -> list[Example]:
    name, blocks = str(page.relative_to(ROOT)), BLOCK.findall(page.read_text("utf-8"))
    if page.stem in READ_THROUGH:
        return [Example(name, tuple(blocks))]
    return [Example(f"{name}-{n}", (block,)) for n, block in enumerate(blocks, 1)]


EXAMPLES = [
    pytest.param(example, id=example.name)
    for page in PAGES
    for example in examples_of(page)
]


def of(service: str) -> list[object]:
    return [one for one in EXAMPLES if one.values[0].needs == service]


def test_there_are_examples() -> None:
    assert len(of("yugabyte")) >= 5
    assert len(of("dsql")) >= len(READ_THROUGH)
    assert len(of("questdb")) == 1


@pytest.mark.parametrize("example", of("yugabyte"))
def test_it_runs(example: Example, yugabyte_lab: YugabyteLab) -> None:
    one, two, _ = yugabyte_lab.nodes
    here = f"{one.host}:{one.port},{two.host}:{two.port}"

    example.run({"db1:5433,db2:5433": here})


@pytest.mark.parametrize("example", of("questdb"))
def test_it_runs_at_a_questdb(example: Example, questdb_lab: QuestdbLab) -> None:
    here = f"localhost:{questdb_lab.https_port};tls_roots={questdb_lab.ca_file}"

    example.run({"localhost:9000;tls_roots=questdb.crt": here})


@pytest.mark.parametrize("example", of("dsql"))
@pytest.mark.usefixtures("documented_cluster")
def test_it_runs_at_an_aurora_dsql_cluster(example: Example) -> None:
    example.run()

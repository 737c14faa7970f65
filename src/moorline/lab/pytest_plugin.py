"""Give tests a cluster: the fixtures of ``moorline.lab``.

Loaded by pytest by itself where moorline is installed. Importing this module starts
nothing and imports no driver.

``yugabyte_lab``: one cluster for the whole test run, for tests that only connect and
read. ``make_yugabyte_lab(**options)``: a fresh one (0.15 s), for tests that stop nodes
or change the topology; closed at the end of the test.

``dsql_lab``: one stand-in for an Aurora DSQL cluster for the whole run; before each
test its faults are undone, its records are empty, all sessions have ended, and
credentials that a test added are forgotten, while the data remain.
``make_dsql_lab(**options)``: a fresh one.

``questdb_lab``: one QuestDB server for the whole run; before each test it runs, has no
tables, and its front is as new. ``make_questdb_lab(**options)``: a fresh one (2 s).

Without a PostgreSQL to run, tests that ask for one are skipped with the reason; where
the environment variable CI is set they fail, so that a pipeline cannot pass by
skipping them. The same goes for trustme, which ``DsqlLab`` and ``QuestdbLab`` need,
and for Java and the jar of QuestDB.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Unpack

    from moorline.lab import DsqlLab, QuestdbLab, Templates, YugabyteLab
    from moorline.lab.dsql_options import DsqlOptionsDict
    from moorline.lab.options import OptionsDict
    from moorline.lab.questdb_options import QuestdbOptionsDict

__all__ = [
    "MakeDsqlLab",
    "MakeLab",
    "MakeQuestdbLab",
    "dsql_lab",
    "dsql_lab_of_the_run",
    "make_dsql_lab",
    "make_questdb_lab",
    "make_yugabyte_lab",
    "questdb_lab",
    "questdb_lab_of_the_run",
    "yugabyte_lab",
    "yugabyte_templates",
]


class MakeLab(Protocol):
    """The type of the fixture ``make_yugabyte_lab``."""

    def __call__(self, **options: Unpack[OptionsDict]) -> YugabyteLab:
        """Open a lab, to be closed after the test."""
        ...


@pytest.fixture(scope="session")
def yugabyte_templates() -> Iterator[Templates]:
    """Keep the data directories that the labs of a test run are copied from."""
    from moorline.lab import Templates  # noqa: PLC0415 - see the first lines

    with Templates() as templates:
        yield templates


@pytest.fixture(scope="session")
def yugabyte_lab(yugabyte_templates: Templates) -> Iterator[YugabyteLab]:
    """Share one three-node cluster among all tests; leave it as it was."""
    with _lab({"templates": yugabyte_templates}) as lab:
        yield lab


@pytest.fixture
def make_yugabyte_lab(yugabyte_templates: Templates) -> Iterator[MakeLab]:
    """Make clusters of one's own, with the options of `YugabyteLab`."""
    with contextlib.ExitStack() as labs:

        def make(**options: Unpack[OptionsDict]) -> YugabyteLab:
            chosen: OptionsDict = {"templates": yugabyte_templates, **options}
            return labs.enter_context(_lab(chosen))

        yield make


class MakeDsqlLab(Protocol):
    """The type of the fixture ``make_dsql_lab``."""

    def __call__(self, **options: Unpack[DsqlOptionsDict]) -> DsqlLab:
        """Open a lab, to be closed after the test."""
        ...


@pytest.fixture(scope="session")
def dsql_lab_of_the_run(yugabyte_templates: Templates) -> Iterator[DsqlLab]:
    """Keep the lab that ``dsql_lab`` hands out."""
    with _dsql_lab({"templates": yugabyte_templates}) as lab:
        yield lab


@pytest.fixture
def dsql_lab(dsql_lab_of_the_run: DsqlLab) -> DsqlLab:
    """Share one DSQL cluster among all tests, each time as if it were new."""
    dsql_lab_of_the_run.reset()
    return dsql_lab_of_the_run


@pytest.fixture
def make_dsql_lab(yugabyte_templates: Templates) -> Iterator[MakeDsqlLab]:
    """Make DSQL clusters of one's own, with the options of `DsqlLab`."""
    with contextlib.ExitStack() as labs:

        def make(**options: Unpack[DsqlOptionsDict]) -> DsqlLab:
            chosen: DsqlOptionsDict = {"templates": yugabyte_templates, **options}
            return labs.enter_context(_dsql_lab(chosen))

        yield make


class MakeQuestdbLab(Protocol):
    """The type of the fixture ``make_questdb_lab``."""

    def __call__(self, **options: Unpack[QuestdbOptionsDict]) -> QuestdbLab:
        """Open a lab, to be closed after the test."""
        ...


@pytest.fixture(scope="session")
def questdb_lab_of_the_run() -> Iterator[QuestdbLab]:
    """Keep the lab that ``questdb_lab`` hands out."""
    with _questdb_lab({}) as lab:
        yield lab


@pytest.fixture
def questdb_lab(questdb_lab_of_the_run: QuestdbLab) -> QuestdbLab:
    """Share one QuestDB server among all tests, each time as if it were new."""
    questdb_lab_of_the_run.reset()
    return questdb_lab_of_the_run


@pytest.fixture
def make_questdb_lab() -> Iterator[MakeQuestdbLab]:
    """Make QuestDB servers of one's own, with the options of `QuestdbLab`."""
    with contextlib.ExitStack() as labs:

        def make(**options: Unpack[QuestdbOptionsDict]) -> QuestdbLab:
            return labs.enter_context(_questdb_lab(options))

        yield make


def _lab(options: OptionsDict) -> YugabyteLab:
    """Return a lab to be opened; skip for want of binaries, not for other errors."""
    from moorline.lab import YugabyteLab, binaries  # noqa: PLC0415

    with _skipping():
        binaries.find(options.get("binaries"), tls=options.get("tls", False))
    return YugabyteLab(**options)


def _dsql_lab(options: DsqlOptionsDict) -> DsqlLab:
    """Return a lab to be opened; skip for want of binaries or trustme."""
    from moorline.lab import DsqlLab, binaries  # noqa: PLC0415

    with _skipping():
        binaries.find(options.get("binaries"), tls=False)
        _find_trustme("DsqlLab")
    return DsqlLab(**options)


def _questdb_lab(options: QuestdbOptionsDict) -> QuestdbLab:
    """Return a lab to be opened; skip for want of Java, the jar or trustme."""
    from moorline.lab import QuestdbLab, questdb_jar, questdb_java  # noqa: PLC0415

    lab = QuestdbLab(**options)
    with _skipping():
        questdb_java.find(lab.options.java)
        questdb_jar.find(lab.options.version, lab.options.jar)
        _find_trustme("QuestdbLab")
    return lab


def _find_trustme(whose: str) -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    from moorline.lab import LabError  # noqa: PLC0415

    if find_spec("trustme") is None:
        raise LabError(f"{whose} needs trustme: pip install trustme")


@contextlib.contextmanager
def _skipping() -> Generator[None]:
    """Skip the test for want of something, but not in a pipeline."""
    from moorline.lab import LabError  # noqa: PLC0415

    try:
        yield
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))

"""Give tests a cluster: the fixtures of ``moorline.lab``.

Loaded by pytest by itself where moorline is installed. Importing this module starts
nothing and imports no driver.

``yugabyte_lab``: one cluster for the whole test run, for tests that only connect and
read. ``make_yugabyte_lab(**options)``: a fresh one (0.15 s), for tests that stop nodes
or change the topology; closed at the end of the test.

Without a PostgreSQL to run, tests that ask for one are skipped with the reason; where
the environment variable CI is set they fail, so that a pipeline cannot pass by
skipping them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from moorline.lab import Templates, YugabyteLab
    from moorline.lab.options import OptionsDict

__all__ = ["MakeLab", "make_yugabyte_lab", "yugabyte_lab", "yugabyte_templates"]


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


def _lab(options: OptionsDict) -> YugabyteLab:
    """Return a lab to be opened; skip for want of binaries, not for other errors."""
    from moorline.lab import LabError, YugabyteLab, binaries  # noqa: PLC0415

    try:
        binaries.find(options.get("binaries"), tls=options.get("tls", False))
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return YugabyteLab(**options)

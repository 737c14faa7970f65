from __future__ import annotations

import pytest

from moorline import lab
from moorline.errors import MoorlineError


def test_what_is_promised_is_there():
    for name in lab.__all__:
        assert getattr(lab, name).__module__.startswith("moorline.lab.")


def test_what_is_not_there_is_no_attribute():
    with pytest.raises(
        AttributeError, match=r"'moorline\.lab' has no attribute 'nothing'"
    ):
        _ = lab.nothing


def test_an_error_of_the_lab_is_one_of_moorline():
    assert issubclass(lab.LabError, MoorlineError)
    assert issubclass(lab.LabError, RuntimeError)

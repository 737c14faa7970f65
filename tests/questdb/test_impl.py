"""The implementation is chosen once, by the environment."""

from __future__ import annotations

import os

import pytest

from moorline.errors import ConfigError
from moorline.questdb import Buffer, __impl__
from moorline.questdb.impl import choose


def test_python_alone_is_always_there():
    assert choose("python") is None


def test_what_is_there_is_used():
    kernel = choose("")
    assert __impl__ in {"c", "python"}
    if "CI" in os.environ:
        assert kernel is not None, "the kernel was not built"
    if os.environ.get("MOORLINE_IMPL", "") == "":
        assert __impl__ == ("python" if kernel is None else "c")
    from_kernel = Buffer.__mro__[1].__module__.startswith("moorline._speed")
    assert from_kernel == (__impl__ == "c")


@pytest.mark.parametrize("wanted", ["C", "cython", "1", " "])
def test_anything_else_is_refused(wanted):
    with pytest.raises(ConfigError, match="write c for the compiled kernel, or python"):
        choose(wanted)

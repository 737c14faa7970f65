"""Build the compiled kernel, where that is possible; the rest is in pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup

FOLDER = "src/moorline/_speed"
MODULES = sorted(path.stem for path in Path(FOLDER).glob("*.pyx"))
SHARED = sorted(map(str, Path(FOLDER).glob("*.px[di]")))


def module(name: str) -> Extension:
    """Return what is to be built of a file."""
    found = Extension(
        f"moorline._speed.{name}",
        [f"{FOLDER}/{name}.pyx"],
        depends=SHARED,
        extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-g0"],
        # Without a compiler, the originals in Python do the work.
        optional=True,
    )
    found.cython_c_in_temp = True  # no generated C among the sources
    return found


# The kernel writes numbers as they are in memory, and the protocol has the least byte
# first: machines that have not do without.
setup(ext_modules=[module(name) for name in MODULES if sys.byteorder == "little"])

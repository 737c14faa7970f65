"""The compiled kernel, which is built where that is possible; all else is in pyproject."""

from __future__ import annotations

from pathlib import Path

from setuptools import Extension, setup

FOLDER = "src/moorline/_speed"
# Optional: without a compiler, the originals in Python do the work.
MODULES = ("store", "moments", "rows")
SHARED = sorted(p.name for p in Path(FOLDER).glob("*.px[di]"))



def module(name: str) -> Extension:
    """Return what is to be built of a file."""
    found = Extension(
        f"moorline._speed.{name}",
        [f"{FOLDER}/{name}.pyx"],
        depends=[f"{FOLDER}/{header}" for header in SHARED],
        extra_compile_args=["-O3", "-g0"],
        optional=True,
    )
    found.cython_c_in_temp = True  # no generated C among the sources
    return found


setup(ext_modules=[module(name) for name in MODULES])

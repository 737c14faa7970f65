"""Sphinx settings. `make docs` makes errors of warnings, so every link resolves."""

from __future__ import annotations

import os

# The docstrings of the originals are read, with the kernel installed or not.
os.environ.setdefault("MOORLINE_IMPL", "python")

import moorline  # it chooses when it is imported

project = "moorline"
author = "The moorline authors"
project_copyright = "the moorline authors"
version = release = moorline.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
# No intersphinx: a build that downloads inventories fails where there is no network.

source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# Types in signatures are written as the source has them, without their modules: only
# references that name moorline in full have to resolve, but for type variables.
nitpick_ignore_regex = [("py:.*", r"(?!moorline\.).*|moorline\.[a-z_.]+\.[A-Z]")]

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"moorline {release}"
html_show_sourcelink = False

"""Compiled twins of what runs for each row or value; each has an original in Python.

The modules are built from Cython where there is a C compiler, and left out where there
is none: `moorline.questdb.impl` chooses.
"""

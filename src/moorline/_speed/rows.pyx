# cython: language_level=3, cdivision=True
"""The compiled kernel: rows, and what takes them in.

It writes what is regular: exact dicts, names that are known, values of Python's own
types. A value of another type is written by the writer that the Encoding has for it.
Whatever else there is, an error above all, is left to the originals in
`moorline.questdb`, which are told by `ask`, and do all of it again.

A row is written behind what its store counts, and counted when it is whole. No Python
code runs in between; before some does, the row moves to memory of its own. So the GIL
is all that threads need.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.datetime cimport import_datetime
from cpython.dict cimport PyDict_CheckExact, PyDict_Contains, PyDict_Next
from cpython.object cimport PyObject, PyObject_Hash
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from moorline._speed.doubles cimport fill_powers
from moorline._speed.store cimport Store
from moorline._speed.values cimport (
    ABSENT,
    ANY,
    BOOL,
    DOUBLE,
    FOREIGN,
    IRREGULAR,
    MOMENT,
    TEXT,
    WHOLE,
    WRITTEN,
    Out,
    grow,
    need,
    put_bytes,
    put_count,
    put_end,
    put_end_count,
    put_memory,
    put_symbol,
    put_value,
)

from moorline._speed import moments, store
from moorline._speed.moments import originals

import_datetime()
# All twins are to be had here; those of other modules are no names of this one yet.
globals().update(
    Store=store.Store,
    TimestampMicros=moments.TimestampMicros,
    TimestampNanos=moments.TimestampNanos,
)


def ask(**found):
    """Remember the originals that decide where the kernel does not, by name."""
    originals.update(found)


include "script.pxi"
include "fluent.pxi"
include "sheet.pxi"
include "appender.pxi"

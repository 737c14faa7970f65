# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Writes rows of columns, without holding the GIL.

What it does not write it leaves to `moorline.questdb.frames.chunk`, which says why.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport isfinite
from libc.stdint cimport (
    INT64_MAX,
    INT64_MIN,
    int8_t,
    int16_t,
    int32_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
)
from libc.string cimport memcpy

from moorline._speed.digits cimport put_signed, put_unsigned
from moorline._speed.doubles cimport fill_powers, put_shortest
from moorline._speed.store cimport Store
from moorline._speed.texts cimport INSIDE, OUTSIDE
from moorline._speed.utf8 cimport put_utf8

from moorline.errors import RowError
from moorline.questdb.timestamps import LAST_MICROS, LAST_NANOS

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const char* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

include "cells.pxi"

KINDS = frozenset("bBhHiIqQfdFD?!tTsSvco0")
cdef dict ROLES = {"table": TABLE, "symbol": SYMBOL, "any": COLUMN, "at": MOMENT}
cdef int64_t LATEST_NANOS = LAST_NANOS
cdef int64_t LATEST_MICROS = LAST_MICROS


cdef class Rows:
    """Rows of a chunk; see `moorline.questdb.frames.kernel`, which makes them.

    Args:
        cells: What the columns are, in the order of the wire.
        head: The table's name as it is written; empty if the first cell says it.
        tail: The end of each row; empty if the last cell says it.
        version: The protocol version.
        strict: Whether to refuse what the server would store as something else.
    """

    cdef Job job
    cdef Py_buffer* views
    cdef Py_ssize_t viewed
    cdef list kept  # what pointers point into

    def __cinit__(self, list cells, bytes head, bytes tail, int version, bint strict):
        cdef Py_ssize_t buffers = 0
        self.kept = []
        self.job.count = len(cells)
        self.job.strict = strict
        for cell in cells:
            buffers += 3 + len(cell.buffers)
        self.job.cells = <Cell*>self._memory(len(cells), sizeof(Cell))
        self.views = <Py_buffer*>self._memory(buffers, sizeof(Py_buffer))
        self.job.width = 4 * COPIED
        if head:
            self.job.head = self._padded(head)
            self.job.head_size = len(head)
            self.job.width += len(head)
        if tail:
            self.job.tail = self._padded(tail)
            self.job.tail_size = len(tail)
            self.job.width += len(tail)
        for index, cell in enumerate(cells):
            self._fill(self.job.cells + <Py_ssize_t>index, cell, version)

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self.viewed):
            PyBuffer_Release(self.views + index)

    cdef void* _memory(self, Py_ssize_t count, size_t size) except NULL:
        memory = bytearray(max(count, 1) * size)
        self.kept.append(memory)
        return <void*><char*>memory

    cdef const char* _padded(self, bytes data) except NULL:
        padded = data + bytes(COPIED)
        self.kept.append(padded)
        return PyBytes_AS_STRING(padded)

    cdef const char* _view(self, object data, Py_ssize_t* size) except? NULL:
        cdef Py_buffer* view = self.views + self.viewed
        size[0] = 0
        if data is None:
            return NULL
        PyObject_GetBuffer(data, view, PyBUF_SIMPLE)
        self.viewed += 1
        size[0] = view.len
        return <const char*>view.buf

    cdef int _fill(self, Cell* cell, object given, int version) except -1:
        cdef Py_ssize_t size
        cdef bytes name = given.name
        if given.kind in "FD":
            fill_powers()
        elif given.kind in "fd":
            name += b"=\x10"  # the mark of a double
        if given.kind not in KINDS:
            raise ValueError(f"a column of the unknown kind {given.kind!r}")
        cell.kind = ord(given.kind)
        cell.codes = ord(given.codes)
        cell.role = ROLES[given.role]
        cell.name = self._padded(name)
        cell.name_size = len(name)
        cell.offset = given.offset
        cell.bits = given.bits
        cell.where = INSIDE if cell.role == COLUMN else OUTSIDE
        cell.valid = <const uint8_t*>self._view(given.valid, &size)
        cell.offsets = self._view(given.offsets, &size)
        cell.data = self._view(given.data, &cell.size)
        cell.buffers = <Text*>self._memory(len(given.buffers), sizeof(Text))
        for index, data in enumerate(given.buffers):
            cell.buffers[<Py_ssize_t>index].data = self._view(
                data, &cell.buffers[<Py_ssize_t>index].size
            )
        cell.buffer_count = len(given.buffers)
        if given.entries is not None:
            self._enter(cell, given.entries, name)
        self._time(cell, given, version)
        self.job.width += cell.name_size + SHORT
        return 0

    cdef int _enter(self, Cell* cell, list entries, bytes name) except -1:
        # Entries of a dictionary, as they are written behind the column's name.
        cdef const char* data
        cdef Py_ssize_t at = 0, index
        cell.spans = <Span*>self._memory(len(entries), sizeof(Span))
        cell.span_count = len(entries)
        known = [name + entry for entry in entries if isinstance(entry, bytes)]
        data = self._padded(b"".join(known))
        for index in range(cell.span_count):
            entry = entries[index]
            cell.spans[index].raw = True
            cell.spans[index].data = data + at
            if entry is None:
                cell.spans[index].size = ABSENT
            elif entry is False:
                cell.spans[index].size = BAD
            else:
                cell.spans[index].size = len(name) + len(entry)
                at += cell.spans[index].size
        return 0

    cdef int _time(self, Cell* cell, object given, int version) except -1:
        factor = given.factor
        if version == 1 and cell.role == MOMENT and not given.nanos:
            factor *= 1000
        cell.factor = factor
        cell.lowest = -(INT64_MAX // factor)
        cell.highest = INT64_MAX // factor
        if factor == 1:
            cell.lowest = INT64_MIN
        cell.nat = given.nat
        cell.divisor = 1
        cell.suffix = c"n" if given.nanos else c"t"
        cell.last = LATEST_NANOS if given.nanos else LATEST_MICROS
        if version > 1:
            return 0
        if cell.role != MOMENT:
            cell.suffix = c"t"
            cell.divisor = 1000 if given.nanos else 1
        else:  # nanoseconds, of which nothing is said
            cell.suffix = 0
            cell.last = LATEST_NANOS
        return 0

    def write(
        self, Py_ssize_t start, Py_ssize_t stop, list values, Store into
    ):
        """Append rows, all of them or none.

        Args:
            start: The first of them.
            stop: The one behind the last.
            values: What they have in each column of objects, in their order; and what
                writes it, by its type; and whether texts are left to the kernel.
            into: Where to.

        Returns:
            The first row that is not written; `stop` if all are.
        """
        cdef Py_ssize_t index, place = 0
        cdef Cell* cell
        cdef list kept = []
        cdef Cell* cells
        cdef Job job = self.job
        # A copy, since other threads may write other rows.
        memory = bytearray(max(job.count, 1) * sizeof(Cell))
        cells = <Cell*><char*>memory
        memcpy(cells, job.cells, job.count * sizeof(Cell))
        job.cells = cells
        for index in range(job.count):
            cell = cells + index
            if cell.kind == c"o":
                found, writers, texts = values[place]
                place += 1
                cell.first = start
                cell.spans = spans_of(found, writers, texts, kept)
        return run(&job, start, stop, into)


cdef Py_ssize_t run(
    Job* job, Py_ssize_t start, Py_ssize_t stop, Store into
) except -1:
    cdef Place place
    cdef Outcome outcome
    cdef Py_ssize_t used = 0, more
    cdef char* base
    place.row = start
    place.need = 0
    while place.row < stop:
        # Rows are about as long as those before.
        more = used // (place.row - start) + 1 if place.row > start else 2 * COPIED
        more = more * (stop - place.row) + more * (stop - place.row) // 16
        base = into.reserve_apart(used + place.need + 2 * job.width + more)
        place.at = base + used
        place.limit = into.data + into.room - job.width
        into.exports += 1  # so that nobody moves it
        try:
            with nogil:
                outcome = put_rows(job, &place, stop)
        finally:
            into.exports -= 1
        used = place.at - base
        if outcome == REFUSED:
            return place.row
    into.size += used
    return stop


cdef Span* spans_of(list values, object writers, bint texts, list kept) except NULL:
    # Where values are that are written already, or texts.
    cdef Py_ssize_t index, size
    cdef Span* spans
    memory = bytearray(max(len(values), 1) * sizeof(Span))
    kept.append(memory)
    kept.append(values)
    spans = <Span*><char*>memory
    for index in range(len(values)):
        value = values[index]
        spans[index].raw = True
        spans[index].data = NULL
        if value is None:
            if texts:
                spans[index].size = ABSENT
                continue
        elif texts and type(value) is str:
            spans[index].raw = False
            if PyUnicode_IS_COMPACT_ASCII(value):
                spans[index].data = PyUnicode_DATA(value)
                spans[index].size = PyUnicode_GET_LENGTH(value)
                continue
            try:
                spans[index].data = PyUnicode_AsUTF8AndSize(value, &size)
                spans[index].size = size
            except UnicodeEncodeError:  # half of a surrogate pair
                spans[index].size = BAD
            continue
        try:
            written = writers[type(value)](value)
        except RowError:
            spans[index].size = BAD
            continue
        if written is None:
            spans[index].size = ABSENT
            continue
        kept.append(written)
        spans[index].data = PyBytes_AS_STRING(written)
        spans[index].size = PyBytes_GET_SIZE(written)
    return spans

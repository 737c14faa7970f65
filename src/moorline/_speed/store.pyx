# cython: language_level=3
"""The compiled twin of `moorline.questdb.store`."""

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    LEAST_ROOM = 1024


cdef class Store:
    """Bytes that rows are appended to; see `moorline.questdb.store.Store`."""

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.size

    def __bytes__(self):
        self.still()
        return PyBytes_FromStringAndSize(self.data, self.size)

    def __getbuffer__(self, Py_buffer* view, int flags):
        cdef char* data = self.data
        self.still()
        if data is NULL:  # which is no memory to look at
            data = self.reserve(1)
        PyBuffer_FillInfo(view, self, data, self.size, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1

    def extend(self, data):
        """Append bytes of any object that has some.

        Raises:
            BufferError: There is a view of what is there.
        """
        cdef Py_buffer view
        cdef char* end
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if view.len:
                end = self.reserve(view.len)
                memcpy(end, view.buf, view.len)
                self.size += view.len
        finally:
            PyBuffer_Release(&view)

    def expect(self, Py_ssize_t more):
        """Make room for so many bytes more at once, unless there is a view."""
        if not self.exports and more > self.room - self.size:
            self.move_to(self.size + more)

    def truncate(self, Py_ssize_t size):
        """Drop all but the first bytes; not less than there are.

        Raises:
            BufferError: There is a view of it.
        """
        if size < 0:
            size = max(self.size + size, 0)
        if size < self.size:
            self.unseen()
            self.size = size

    def clear(self):
        """Drop everything, and keep the memory.

        Raises:
            BufferError: There is a view of it.
        """
        if self.size:
            self.unseen()
        self.size = 0

    cdef int unseen(self) except -1:
        if self.exports:
            raise BufferError("Existing exports of data: object cannot be re-sized")
        return 0

    cdef int still(self) except -1:
        if self.moving:
            raise BufferError("Its memory is being moved")
        return 0

    cdef char* reserve(self, Py_ssize_t more) except NULL:
        cdef Py_ssize_t room
        if self.exports:
            self.unseen()
        if more > self.room - self.size or self.data is NULL:
            room = self.room_for(more)
            self.moved(<char*>realloc(self.data, room), room)
        return self.data + self.size

    cdef char* reserve_apart(self, Py_ssize_t more) except NULL:
        if self.exports:
            self.unseen()
        if more > self.room - self.size or self.data is NULL:
            self.move_to(self.room_for(more))
        return self.data + self.size

    cdef int move_to(self, Py_ssize_t room) except -1:
        cdef char* data = self.data
        self.exports += 1
        self.moving = True
        with nogil:
            data = <char*>realloc(data, room)
        self.moving = False
        self.exports -= 1
        self.moved(data, room)
        return 0

    cdef Py_ssize_t room_for(self, Py_ssize_t more) except -1:
        if more > PY_SSIZE_T_MAX // 2 - self.size:
            raise MemoryError
        # As a list grows in the end: by an eighth it would be copied too often.
        return max(self.size + more, self.room + self.room // 2, LEAST_ROOM)

    cdef int moved(self, char* data, Py_ssize_t room) except -1:
        if data is NULL:
            raise MemoryError
        self.data = data
        self.room = room
        return 0

    cdef int swap(self, Store other) except -1:
        self.unseen()
        other.unseen()
        self.data, other.data = other.data, self.data
        self.size, other.size = other.size, self.size
        self.room, other.room = other.room, self.room
        return 0

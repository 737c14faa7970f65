# cython: language_level=3
"""The compiled twins of the timestamps in `moorline.questdb.timestamps`."""

cimport cython
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject

from time import time_ns

cdef extern from *:
    """
    /* Without this, a tuple is made of the arguments of each call of a class, which
       takes longer than all the rest. */
    static void call_by(PyObject *type, void *function) {
    #if !defined(Py_LIMITED_API) && !defined(PYPY_VERSION)
        ((PyTypeObject *)type)->tp_vectorcall = (vectorcallfunc)function;
    #endif
    }
    """
    void call_by(object type, void* function)

cdef extern from "Python.h":
    size_t PyVectorcall_NARGS(size_t flags)

# What decides where these do not, by name: see `moorline.questdb.impl.ask`.
originals = {}


cdef inline object counted(object moment, object value):
    """Return an int of no subclass, or raise what the original raises."""
    if PyLong_CheckExact(value):
        return value
    return originals["whole"](moment, value)


@cython.freelist(64)
@cython.no_gc
cdef class TimestampMicros:
    """Microseconds since 1970 in UTC."""

    def __init__(self, value):
        self.value = counted(self, value)

    @classmethod
    def from_datetime(cls, moment):
        """Count until a moment; one without a timezone is taken as UTC."""
        return cls(originals["micros_of"](moment))

    @classmethod
    def now(cls):
        """Count until now, by this machine's clock."""
        return cls(time_ns() // 1000)

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.value == (<TimestampMicros>other).value

    def __hash__(self):
        return hash((type(self), self.value))

    def __repr__(self):
        return f"{type(self).__name__}({self.value})"

    def __reduce__(self):
        return type(self), (self.value,)


@cython.freelist(64)
@cython.no_gc
cdef class TimestampNanos:
    """Nanoseconds since 1970 in UTC."""

    def __init__(self, value):
        self.value = counted(self, value)

    @classmethod
    def from_datetime(cls, moment):
        """Count until a moment; one without a timezone is taken as UTC."""
        return cls(originals["micros_of"](moment) * 1000)

    @classmethod
    def now(cls):
        """Count until now, by this machine's clock."""
        return cls(time_ns())

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.value == (<TimestampNanos>other).value

    def __hash__(self):
        return hash((type(self), self.value))

    def __repr__(self):
        return f"{type(self).__name__}({self.value})"

    def __reduce__(self):
        return type(self), (self.value,)


cdef object micros_of_call(
    PyObject* kind, PyObject** arguments, size_t flags, PyObject* names
):
    cdef TimestampMicros made
    if names is NULL and PyVectorcall_NARGS(flags) == 1:
        made = TimestampMicros.__new__(TimestampMicros)
        made.value = counted(made, <object>arguments[0])
        return made
    return by_tuple(TimestampMicros, arguments, flags, names)


cdef object nanos_of_call(
    PyObject* kind, PyObject** arguments, size_t flags, PyObject* names
):
    cdef TimestampNanos made
    if names is NULL and PyVectorcall_NARGS(flags) == 1:
        made = TimestampNanos.__new__(TimestampNanos)
        made.value = counted(made, <object>arguments[0])
        return made
    return by_tuple(TimestampNanos, arguments, flags, names)


cdef object by_tuple(
    object kind, PyObject** arguments, size_t flags, PyObject* names
):
    """Call a class as it is called without what is above."""
    cdef Py_ssize_t index, count = PyVectorcall_NARGS(flags)
    positional = tuple([<object>arguments[index] for index in range(count)])
    named = {}
    if names is not NULL:
        for index, name in enumerate(<object>names):
            named[name] = <object>arguments[count + index]
    return type.__call__(kind, *positional, **named)


call_by(TimestampMicros, <void*>micros_of_call)
call_by(TimestampNanos, <void*>nanos_of_call)

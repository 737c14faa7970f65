# Values on the wire, as `moorline.questdb.values` writes them: those of Python's own
# types. For all others there is FOREIGN, and then a writer of the Encoding is asked.

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDateTime_CheckExact,
    PyDateTime_DATE_GET_HOUR,
    PyDateTime_DATE_GET_MICROSECOND,
    PyDateTime_DATE_GET_MINUTE,
    PyDateTime_DATE_GET_SECOND,
    PyDateTime_GET_DAY,
    PyDateTime_GET_MONTH,
    PyDateTime_GET_YEAR,
)
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

from moorline._speed.digits cimport put_signed, put_unsigned
from moorline._speed.doubles cimport put_shortest
from moorline._speed.moments cimport TimestampMicros, TimestampNanos
from moorline._speed.store cimport Store
from moorline._speed.texts cimport INSIDE, OUTSIDE, most_bytes, put_text

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject* Py_TYPE(object thing)
    PyTypeObject PyBool_Type, PyFloat_Type, PyLong_Type, PyUnicode_Type
    double PyFloat_AS_DOUBLE(object number)
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

cdef enum:
    # Of a value: how it went.
    ABSENT = 0
    WRITTEN = 1
    FOREIGN = 2
    IRREGULAR = 3

cdef enum:
    # Which values are taken.
    BOOL = 1
    WHOLE = 2
    DOUBLE = 4
    TEXT = 8
    MOMENT = 16
    ANY = 31

cdef enum:
    LONGEST_NUMBER = 64  # bytes, and more than any touches

cdef extern from "datetime.h":
    PyObject* PyDateTime_TimeZone_UTC
    PyObject* PyDateTime_DATE_GET_TZINFO(object moment)

cdef extern from *:
    """
    #define LAST_NANOS 9214646399999999999LL
    #define LAST_MICROS 253402300799999999LL
    """
    const int64_t LAST_NANOS, LAST_MICROS


cdef struct Out:
    # Where a row is being written: in the room of a store, behind what it counts, or in
    # memory of its own.
    char* begin
    char* at
    char* end
    PyObject* store  # NULL: memory of its own


cdef inline int grow(Out* out, Py_ssize_t more) except -1:
    cdef Py_ssize_t size = out.at - out.begin
    cdef Py_ssize_t room
    cdef char* memory
    cdef Store store
    if out.store is not NULL:
        store = <Store>out.store
        memory = store.reserve(size + more)
        room = store.room - store.size
    else:
        room = max(2 * (out.end - out.begin), size + more, 256)
        memory = <char*>realloc(out.begin, room)
        if memory is NULL:
            raise MemoryError
    out.begin = memory
    out.at = memory + size
    out.end = memory + room
    return 0


cdef inline int need(Out* out, Py_ssize_t more) except -1:
    if out.end - out.at < more:
        return grow(out, more)
    return 0


cdef inline int put_memory(Out* out, const char* data, Py_ssize_t size) except -1:
    need(out, size)
    memcpy(out.at, data, size)
    out.at += size
    return 0


cdef inline int put_bytes(Out* out, PyObject* data) except -1:
    return put_memory(
        out, PyBytes_AS_STRING(<object>data), PyBytes_GET_SIZE(<object>data)
    )


cdef inline int put_symbol(Out* out, object text) except -1:
    cdef char* end
    need(out, most_bytes(text))
    end = put_text(out.at, text, OUTSIDE)
    if end is NULL:
        return FOREIGN
    out.at = end
    return WRITTEN


cdef inline int put_quoted(Out* out, object text) except -1:
    cdef char* end
    need(out, most_bytes(text) + 2)
    out.at[0] = 34
    end = put_text(out.at + 1, text, INSIDE)
    if end is NULL:
        return FOREIGN
    end[0] = 34
    out.at = end + 1
    return WRITTEN


cdef inline int put_double(Out* out, object number, int version) except -1:
    cdef double value = PyFloat_AS_DOUBLE(number)
    need(out, LONGEST_NUMBER)
    if version == 1:
        out.at = put_shortest(out.at, value)
        return WRITTEN
    out.at[0] = 61
    out.at[1] = 16
    memcpy(out.at + 2, &value, 8)
    out.at += 10
    return WRITTEN


cdef inline int put_whole(Out* out, object number) except -1:
    cdef int overflow
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        return FOREIGN
    need(out, LONGEST_NUMBER)
    out.at = put_signed(out.at, value)
    out.at[0] = 105
    out.at += 1
    return WRITTEN


cdef inline int put_count(Out* out, object number, bint nanos, int version) except -1:
    # A moment in a column, of which there is the number.
    cdef int overflow
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        return FOREIGN
    if nanos and version == 1:
        nanos = False
        value = cython.cdiv(value, 1000)  # towards zero
    need(out, LONGEST_NUMBER)
    out.at = put_signed(out.at, value)
    out.at[0] = 110 if nanos else 116
    out.at += 1
    return WRITTEN


cdef inline int put_end_of(Out* out, int64_t value, bint nanos, int version) except -1:
    # The end of a row, with its timestamp.
    if not 0 <= value <= (LAST_NANOS if nanos else LAST_MICROS):
        return FOREIGN
    if version == 1 and not nanos:
        if value > LAST_NANOS // 1000:
            return FOREIGN
        value *= 1000
    need(out, LONGEST_NUMBER)
    out.at[0] = 32
    out.at = put_unsigned(out.at + 1, value)
    if version > 1:
        out.at[0] = 110 if nanos else 116
        out.at += 1
    out.at[0] = 10
    out.at += 1
    return WRITTEN


cdef inline int put_end_count(
    Out* out, object number, bint nanos, int version
) except -1:
    cdef int overflow
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        return FOREIGN
    return put_end_of(out, value, nanos, version)


cdef inline bint is_utc(object moment):
    return (
        PyDateTime_CheckExact(moment)
        and PyDateTime_DATE_GET_TZINFO(moment) is PyDateTime_TimeZone_UTC
    )


cdef inline int64_t micros_in_utc(object moment):
    # Since 1970. The days are counted from the March of a year that 400 divides.
    cdef int64_t year = PyDateTime_GET_YEAR(moment)
    cdef int64_t month = PyDateTime_GET_MONTH(moment)
    cdef int64_t days, seconds
    if month <= 2:
        year -= 1
        month += 12
    days = (
        365 * year + cython.cdiv(year, 4) - cython.cdiv(year, 100)
        + cython.cdiv(year, 400) + cython.cdiv(153 * (month - 3) + 2, 5)
        + PyDateTime_GET_DAY(moment) - 719469
    )
    seconds = (
        86400 * days
        + 3600 * PyDateTime_DATE_GET_HOUR(moment)
        + 60 * PyDateTime_DATE_GET_MINUTE(moment)
        + PyDateTime_DATE_GET_SECOND(moment)
    )
    return 1000000 * seconds + PyDateTime_DATE_GET_MICROSECOND(moment)


cdef inline int put_value(Out* out, object value, int version, int kinds) except -1:
    cdef PyTypeObject* kind = Py_TYPE(value)
    if kind is &PyFloat_Type:
        return put_double(out, value, version) if kinds & DOUBLE else FOREIGN
    if kind is &PyLong_Type:
        return put_whole(out, value) if kinds & WHOLE else FOREIGN
    if kind is &PyUnicode_Type:
        return put_quoted(out, value) if kinds & TEXT else FOREIGN
    if value is None:
        return ABSENT
    if kind is &PyBool_Type:
        if not kinds & BOOL:
            return FOREIGN
        return put_memory(out, "t" if value is True else "f", 1) or WRITTEN
    if kinds & MOMENT:
        if type(value) is TimestampNanos:
            return put_count(out, (<TimestampNanos>value).value, True, version)
        if type(value) is TimestampMicros:
            return put_count(out, (<TimestampMicros>value).value, False, version)
        if is_utc(value):
            need(out, LONGEST_NUMBER)
            out.at = put_signed(out.at, micros_in_utc(value))
            out.at[0] = 116
            out.at += 1
            return WRITTEN
    return FOREIGN


cdef inline int put_end(Out* out, object at, int version) except -1:
    if type(at) is TimestampNanos:
        return put_end_count(out, (<TimestampNanos>at).value, True, version)
    if at is None:
        return put_memory(out, "\n", 1) or WRITTEN
    if type(at) is TimestampMicros:
        return put_end_count(out, (<TimestampMicros>at).value, False, version)
    if is_utc(at):
        return put_end_of(out, micros_in_utc(at), False, version)
    return FOREIGN

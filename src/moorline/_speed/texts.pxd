# Strings on the wire, as `moorline.questdb.text` writes them.

from cpython.unicode cimport PyUnicode_GET_LENGTH
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

cdef extern from *:
    """
    /* What has a backslash in front of it: bit 0 outside quotes, bit 1 inside. NUL is
       refused outside quotes. */
    static const unsigned char BREAKS[128] = {
        [0] = 1,
        [' '] = 1, [','] = 1, ['='] = 1, ['\\n'] = 3, ['\\r'] = 3, ['\\\\'] = 3,
        ['"'] = 2,
    };
    """
    const unsigned char* BREAKS

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_UCS4 PyUnicode_READ(int kind, void* data, Py_ssize_t index) noexcept nogil

cdef enum:
    OUTSIDE = 1  # of quotes
    INSIDE = 2


cdef inline char* put_ascii(
    char* at, const unsigned char* text, Py_ssize_t size, int where
) noexcept nogil:
    # Up to twice as many bytes; NULL if it is refused.
    cdef Py_ssize_t index
    cdef unsigned char one
    for index in range(size):
        one = text[index]
        if BREAKS[one] & where:
            if one == 0:
                return NULL
            at[0] = 92
            at += 1
        at[0] = <char>one
        at += 1
    return at


cdef inline char* put_wide(
    char* at, int kind, void* text, Py_ssize_t size, int where
) noexcept nogil:
    # Up to `most_bytes`; NULL if it is refused, as half of a surrogate pair is.
    cdef Py_ssize_t index
    cdef uint32_t one
    for index in range(size):
        one = PyUnicode_READ(kind, text, index)
        if one < 0x80:
            if BREAKS[one] & where:
                if one == 0:
                    return NULL
                at[0] = 92
                at += 1
            at[0] = <char>one
            at += 1
            continue
        if one < 0x800:
            at[0] = <char>(0xC0 | one >> 6)
            at += 1
        else:
            if one < 0x10000:
                if 0xD800 <= one < 0xE000:
                    return NULL
                at[0] = <char>(0xE0 | one >> 12)
            else:
                at[0] = <char>(0xF0 | one >> 18)
                at[1] = <char>(0x80 | one >> 12 & 0x3F)
                at += 1
            at[1] = <char>(0x80 | one >> 6 & 0x3F)
            at += 2
        at[0] = <char>(0x80 | one & 0x3F)
        at += 1
    return at


cdef inline Py_ssize_t most_bytes(object text):
    # How many bytes a text can take, with all that goes in front of its characters.
    return PyUnicode_GET_LENGTH(text) * (2 if PyUnicode_KIND(text) == 1 else 4)


cdef inline char* put_text(char* at, object text, int where):
    if PyUnicode_IS_ASCII(text):
        return put_ascii(
            at,
            <const unsigned char*>PyUnicode_DATA(text),
            PyUnicode_GET_LENGTH(text),
            where,
        )
    return put_wide(
        at,
        PyUnicode_KIND(text),
        PyUnicode_DATA(text),
        PyUnicode_GET_LENGTH(text),
        where,
    )

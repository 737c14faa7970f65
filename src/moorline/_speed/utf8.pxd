# Texts that say to be UTF-8, and are looked at before they are believed.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from moorline._speed.texts cimport BREAKS, INSIDE


cdef inline uint64_t has(uint64_t word, uint64_t byte) noexcept nogil:
    # Not zero if one of the bytes is in the word, and perhaps if it is not.
    cdef uint64_t found = word ^ byte * 0x0101010101010101ULL
    return (found - 0x0101010101010101ULL) & ~found


cdef inline uint64_t breaks(uint64_t word, int where) noexcept nogil:
    # Not zero if one of the bytes is escaped, refused, or not ASCII.
    cdef uint64_t found = word | has(word, 0x0A) | has(word, 0x0D) | has(word, 0x5C)
    if where == INSIDE:
        found |= has(word, 0x22)
    else:
        found |= has(word, 0x20) | has(word, 0x2C) | has(word, 0x3D) | has(word, 0)
    return found & 0x8080808080808080ULL


cdef inline int sequence(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    # How many bytes the character has, which is not ASCII; 0 if it is no UTF-8.
    cdef uint8_t lead = text[0]
    cdef int length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    cdef int index
    if lead < 0xC2 or lead > 0xF4 or size < length:
        return 0
    for index in range(1, length):
        if text[index] & 0xC0 != 0x80:
            return 0
    if (
        lead == 0xE0 and text[1] < 0xA0
        or lead == 0xED and text[1] > 0x9F  # half of a surrogate pair
        or lead == 0xF0 and text[1] < 0x90
        or lead == 0xF4 and text[1] > 0x8F
    ):
        return 0
    return length


cdef inline char* put_utf8(
    char* at, const char* text, Py_ssize_t size, int where
) noexcept nogil:
    # Up to twice as many bytes; NULL if it is no UTF-8, or refused.
    cdef const uint8_t* data = <const uint8_t*>text
    cdef const uint8_t* end = data + size
    cdef const uint8_t* pause
    cdef uint64_t word
    cdef int length
    while data < end:
        if end - data >= 8:
            memcpy(&word, data, 8)
            if not breaks(word, where):
                memcpy(at, &word, 8)
                at += 8
                data += 8
                continue
            pause = data + 8
        else:
            pause = end
        while data < pause:
            if data[0] < 0x80:
                if BREAKS[data[0]] & where:
                    if data[0] == 0:
                        return NULL
                    at[0] = c"\\"
                    at += 1
                at[0] = <char>data[0]
                at += 1
                data += 1
                continue
            length = sequence(data, end - data)
            if length == 0:
                return NULL
            memcpy(at, data, length)
            at += length
            data += length
    return at

# Whole numbers as text. The digits are computed side by side in one register, eight at
# a time, for machines whose least byte comes first.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #include <intrin.h>
    static int bytes_of_zeros(unsigned long long value) {
        unsigned long index;
        _BitScanForward64(&index, value);
        return (int)(index >> 3);
    }
    #else
    #define bytes_of_zeros(value) (__builtin_ctzll(value) >> 3)
    #endif
    """
    int bytes_of_zeros(uint64_t value) noexcept nogil  # at the end; of none is 0

cdef enum:
    MOST_DIGITS = 28  # bytes that are touched: an int64 with its sign has 20


cdef inline uint64_t eight_digits(uint32_t value) noexcept nogil:
    # The first digit in the least byte. Four, two and then one digit share a place.
    cdef uint64_t fours, hundreds, tens
    fours = value // 10000 | <uint64_t>(value % 10000) << 32
    hundreds = (fours * 10486 >> 20) & 0x7F0000007FULL
    hundreds = hundreds | (fours - 100 * hundreds) << 16
    tens = (hundreds * 103 >> 10) & 0x000F000F000F000FULL
    return tens | (hundreds - 10 * tens) << 8


cdef inline char* put_eight(char* at, uint32_t value) noexcept nogil:
    # All eight digits, with zeros in front.
    cdef uint64_t text = eight_digits(value) | 0x3030303030303030ULL
    memcpy(at, &text, 8)
    return at + 8


cdef inline char* put_short(char* at, uint32_t value) noexcept nogil:
    # Up to eight digits, without zeros in front.
    cdef uint64_t digits = eight_digits(value), text
    cdef int skip = bytes_of_zeros(digits | <uint64_t>1 << 56)
    text = (digits | 0x3030303030303030ULL) >> 8 * skip
    memcpy(at, &text, 8)
    return at + 8 - skip


cdef inline char* put_unsigned(char* at, uint64_t value) noexcept nogil:
    # Touches up to MOST_DIGITS bytes.
    cdef uint64_t rest
    if value < 100000000:
        return put_short(at, <uint32_t>value)
    rest = value // 100000000
    if rest < 100000000:
        at = put_short(at, <uint32_t>rest)
    else:
        at = put_short(at, <uint32_t>(rest // 100000000))
        at = put_eight(at, <uint32_t>(rest % 100000000))
    return put_eight(at, <uint32_t>(value % 100000000))


cdef inline char* put_signed(char* at, int64_t value) noexcept nogil:
    # Touches up to MOST_DIGITS bytes.
    if value >= 0:
        return put_unsigned(at, <uint64_t>value)
    at[0] = 45
    return put_unsigned(at + 1, 0 - <uint64_t>value)

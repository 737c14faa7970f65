# Doubles as text, as `moorline.questdb.values.text_double` writes them, whatever they
# are, and without Python: the shortest decimal that is the double, the nearest of those.
#
# Source of the method: Raffaello Giulietti, "The Schubfach way to render doubles", 2021.

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from moorline._speed.digits cimport put_signed, put_unsigned

cdef extern from *:
    """
    /* The first 128 bits of the powers of ten, rounded up: the upper half, the lower. */
    #define LEAST_POWER (-292)
    #define MOST_POWER 324
    static uint64_t POWERS[MOST_POWER - LEAST_POWER + 1][2];

    #if defined(__SIZEOF_INT128__)
    static uint64_t product(
        uint64_t a, uint64_t b, uint64_t* lower
    ) {
        unsigned __int128 whole = (unsigned __int128)a * b;
        *lower = (uint64_t)whole;
        return (uint64_t)(whole >> 64);
    }
    #else
    static uint64_t product(
        uint64_t a, uint64_t b, uint64_t* lower
    ) {
        uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32;
        uint64_t b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
        uint64_t low = a0 * b0;
        uint64_t one = a1 * b0 + (low >> 32);
        uint64_t two = a0 * b1 + (one & 0xFFFFFFFFu);
        *lower = two << 32 | (low & 0xFFFFFFFFu);
        return a1 * b1 + (one >> 32) + (two >> 32);
    }
    #endif
    """
    const int LEAST_POWER
    const int MOST_POWER
    uint64_t POWERS[617][2]
    uint64_t product(uint64_t a, uint64_t b, uint64_t* lower) noexcept nogil

cdef enum:
    MOST_TEXT = 40  # bytes that are touched; a double has up to 24


cdef inline int fill_powers() except -1:
    # Once, before the first double is written; in a module that has a table of its own.
    if POWERS[0][0]:
        return 0
    for power in range(LEAST_POWER, MOST_POWER + 1):
        shift = (power * 1741647 >> 19) - 127  # the binary logarithm, less 127
        if power >= 0:
            whole = 10**power
            found = whole << -shift if shift < 0 else -(-whole >> shift)
        else:
            found = -(-(1 << -shift) // 10**-power)
        place = power - LEAST_POWER
        POWERS[<int>place][1] = found & 0xFFFFFFFFFFFFFFFF
        POWERS[<int>place][0] = found >> 64
    return 0


cdef inline uint64_t round_to_odd(const uint64_t* power, uint64_t number) noexcept nogil:
    cdef uint64_t unused, middle, lower = product(power[1], number, &unused)
    cdef uint64_t upper = product(power[0], number, &middle)
    middle += lower
    if middle < lower:
        upper += 1
    return upper | (middle > 1)


cdef inline int64_t down(int64_t number, int bits) noexcept nogil:
    # Divided by a power of two, and rounded down.
    return number >> bits


cdef inline uint64_t shortest(uint64_t bits, int32_t* exponent) noexcept nogil:
    # The digits of a double that is finite and not zero, and the power of ten.
    cdef uint64_t fraction = bits & 0xFFFFFFFFFFFFFULL
    cdef int32_t biased = <int32_t>(bits >> 52 & 0x7FF)
    cdef uint64_t number, least, middle, most, tenth, quarter, half
    cdef int32_t q, k, h
    cdef bint closer, odd, below, above
    if biased:
        number = fraction | 0x10000000000000ULL
        q = biased - 1075
        if 0 <= -q < 53 and number & ((<uint64_t>1 << -q) - 1) == 0:
            exponent[0] = 0
            return number >> -q
    else:
        number = fraction
        q = -1074
    odd = number & 1
    closer = fraction == 0 and biased > 1  # to the one below than to the one above
    k = <int32_t>down(<int64_t>q * 1262611 - (524031 if closer else 0), 22)
    h = q + <int32_t>down(<int64_t>-k * 1741647, 19) + 1
    least = round_to_odd(POWERS[-k - LEAST_POWER], (4 * number - 2 + closer) << h) + odd
    middle = round_to_odd(POWERS[-k - LEAST_POWER], 4 * number << h)
    most = round_to_odd(POWERS[-k - LEAST_POWER], (4 * number + 2) << h) - odd
    quarter = middle // 4
    if quarter >= 10:
        tenth = quarter // 10
        below = least <= 40 * tenth
        above = 40 * tenth + 40 <= most
        if below != above:
            exponent[0] = k + 1
            return tenth + above
    exponent[0] = k
    below = least <= 4 * quarter
    above = 4 * quarter + 4 <= most
    if below != above:
        return quarter + above
    half = 4 * quarter + 2
    above = middle > half or (middle == half and quarter % 2 == 1)
    return quarter + above


cdef inline char* put_shortest(char* at, double value) noexcept nogil:
    cdef uint64_t bits, digits
    cdef int32_t exponent, point
    cdef char text[48]
    cdef Py_ssize_t size, index
    memcpy(&bits, &value, 8)
    if bits & 0x7FFFFFFFFFFFFFFFULL > 0x7FF0000000000000ULL:
        memcpy(at, "NaN", 3)
        return at + 3
    if bits >> 63:
        at[0] = c"-"
        at += 1
    bits &= 0x7FFFFFFFFFFFFFFFULL
    if bits == 0x7FF0000000000000ULL:
        memcpy(at, "Infinity", 8)
        return at + 8
    if bits == 0:
        memcpy(at, "0.0", 3)
        return at + 3
    digits = shortest(bits, &exponent)
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    size = put_unsigned(text, digits) - text
    point = <int32_t>size + exponent  # where it is, behind the first digit if it is 1
    if -5 < point <= 0:
        memcpy(at, "0.0000", 6)
        memcpy(at + 2 - point, text, 24)
        return at + 2 - point + size
    if 0 < point < size:
        memcpy(at, text, 24)
        at[point] = c"."
        memcpy(at + point + 1, text + point, 24)
        return at + size + 1
    if size <= point <= 16:
        memcpy(at, text, 24)
        for index in range(size, point):
            at[index] = c"0"
        memcpy(at + point, ".0", 2)
        return at + point + 2
    at[0] = text[0]
    at += 1
    if size > 1:
        at[0] = c"."
        memcpy(at + 1, text + 1, 24)
        at += size
    at[0] = c"e"
    return put_signed(at + 1, point - 1)

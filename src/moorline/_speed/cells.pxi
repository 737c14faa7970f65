# Columns in memory, and how rows of them are written: all that needs no Python.

cdef extern from *:
    """
    /* As the wire has it, the least byte first. */
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define little(bits) __builtin_bswap64(bits)
    #else
    #define little(bits) (bits)
    #endif
    """
    uint64_t little(uint64_t bits) noexcept nogil

cdef enum:
    COPIED = 32  # bytes at once, so there are as many behind what is copied
    ABSENT = -1  # sizes of what is not written
    BAD = -2
    SHORT = 64  # bytes of a span for which there is always room
    VIEW = 16  # bytes of a string view
    INLINE = 12  # bytes of text that are in the view itself

cdef enum Role:
    TABLE
    SYMBOL
    COLUMN
    MOMENT

cdef enum Outcome:
    WRITTEN
    NO_ROOM
    REFUSED

# A value that is written already, or a text that is not.
cdef struct Span:
    const char* data
    Py_ssize_t size  # or ABSENT, or BAD
    bint raw

cdef struct Text:
    const char* data
    Py_ssize_t size

cdef struct Cell:
    char kind
    char codes  # what the numbers of a dictionary are
    char suffix  # of a moment; 0 if there is none
    Role role
    bint bits  # whether `valid` is bits
    bint nat
    int where  # what is escaped in a text
    const char* name  # as it is written
    Py_ssize_t name_size
    const uint8_t* valid  # NULL if all have a value
    Py_ssize_t offset
    const char* data
    Py_ssize_t size  # bytes of the texts
    const char* offsets
    Text* buffers  # of views
    Py_ssize_t buffer_count
    int64_t factor
    int64_t lowest  # count whose product with the factor has 64 bits
    int64_t highest
    int64_t divisor
    int64_t last  # the last moment that may be
    Span* spans
    Py_ssize_t span_count
    Py_ssize_t first  # the row of the first span

cdef struct Job:
    Cell* cells
    Py_ssize_t count
    const char* head  # the table's name; NULL if the first cell says it
    Py_ssize_t head_size
    const char* tail  # the end of each row; NULL if the last cell says it
    Py_ssize_t tail_size
    Py_ssize_t width  # bytes that a row may have, beside its texts
    bint strict

cdef struct Place:
    char* at
    char* limit  # behind which there is room for a row without its texts
    Outcome outcome  # if something is not written
    Py_ssize_t row
    Py_ssize_t need  # bytes for a text, if that is more than there is room for


cdef inline char* put(char* at, const char* data, Py_ssize_t size) noexcept nogil:
    # There have to be COPIED bytes behind both.
    memcpy(at, data, COPIED)
    if size > COPIED:
        memcpy(at + COPIED, data + COPIED, size - COPIED)
    return at + size


cdef inline int64_t whole(const char* data, char kind, Py_ssize_t index) noexcept nogil:
    # Of all but the unsigned ones of 64 bits.
    if kind == c"b":
        return (<const int8_t*>data)[index]
    if kind == c"q":
        return (<const int64_t*>data)[index]
    if kind == c"i":
        return (<const int32_t*>data)[index]
    if kind == c"I":
        return (<const uint32_t*>data)[index]
    if kind == c"h":
        return (<const int16_t*>data)[index]
    if kind == c"H":
        return (<const uint16_t*>data)[index]
    if kind == c"B":
        return (<const uint8_t*>data)[index]
    return <int64_t>(<const uint64_t*>data)[index]


cdef inline bint is_valid(const Cell* cell, Py_ssize_t index) noexcept nogil:
    if cell.bits:
        return cell.valid[index >> 3] >> (index & 7) & 1
    return cell.valid[index]


cdef inline Span text_of(const Cell* cell, Py_ssize_t index) noexcept nogil:
    # Where the text of a row is; one that lies elsewhere is bad.
    cdef Span found
    cdef int64_t start, stop
    cdef const int32_t* view
    found.raw = False
    found.size = BAD
    found.data = NULL
    if cell.kind == c"v":
        view = <const int32_t*>(cell.data + index * VIEW)
        stop = view[0]
        if 0 <= stop <= INLINE:
            found.data = <const char*>(view + 1)
            found.size = stop
        elif 0 <= view[2] < cell.buffer_count and view[3] >= 0 and stop > 0:
            if stop <= cell.buffers[view[2]].size - view[3]:
                found.data = cell.buffers[view[2]].data + view[3]
                found.size = stop
        return found
    if cell.kind == c"s":
        start = (<const int32_t*>cell.offsets)[index]
        stop = (<const int32_t*>cell.offsets)[index + 1]
    else:
        start = (<const int64_t*>cell.offsets)[index]
        stop = (<const int64_t*>cell.offsets)[index + 1]
    if 0 <= start <= stop <= cell.size:
        found.data = cell.data + start
        found.size = stop - start
    return found


cdef inline Span span_of(const Cell* cell, Py_ssize_t row) noexcept nogil:
    # What a row has in a column of spans, of texts or of a dictionary.
    cdef int64_t code
    cdef Span found
    if cell.kind == c"o":
        return cell.spans[row - cell.first]
    if cell.kind != c"c":
        return text_of(cell, row + cell.offset)
    code = whole(cell.data, cell.codes, row + cell.offset)
    if 0 <= code < cell.span_count:
        return cell.spans[code]
    found.data = NULL
    found.raw = True
    # One below 0 is absent, if it is a number that can be.
    found.size = ABSENT if code < 0 and cell.codes != c"Q" else BAD
    return found


cdef inline char* put_span(
    Place* place, char* at, const Cell* cell, Span span
) noexcept nogil:
    # NULL if it is not written, for the reason that is at the place then.
    place.need = 2 * span.size + 2
    if place.limit - at < place.need:
        place.outcome = NO_ROOM
        return NULL
    if span.raw:
        memcpy(at, span.data, span.size)
        return at + span.size
    if cell.where == INSIDE:
        at[0] = c'"'
        at += 1
    at = put_utf8(at, span.data, span.size, cell.where)
    if at is NULL:
        return NULL
    if cell.where == INSIDE:
        at[0] = c'"'
        at += 1
    return at


cdef inline char* put_double(char* at, double value, bint strict) noexcept nogil:
    # Behind a name that ends with its mark; NULL if it is refused.
    cdef uint64_t bits
    if strict and not isfinite(value):
        return NULL
    memcpy(&bits, &value, 8)
    bits = little(bits)
    memcpy(at, &bits, 8)
    return at + 8


cdef inline char* put_text_double(char* at, double value, bint strict) noexcept nogil:
    # The same, as protocol version 1 has it.
    if strict and not isfinite(value):
        return NULL
    return put_shortest(at, value)


cdef inline char* put_moment(
    char* at, const Cell* cell, int64_t count, bint strict
) noexcept nogil:
    # NULL if it is refused. Behind a space and in front of the end of the row, if it is
    # the designated timestamp.
    cdef int64_t value
    if not cell.lowest <= count <= cell.highest:
        return NULL
    value = count * cell.factor
    if cell.role == MOMENT:
        if not 0 <= value <= cell.last:
            return NULL
        at[0] = c" "
        at = put_unsigned(at + 1, <uint64_t>value)
        at[0] = cell.suffix
        at += cell.suffix != 0
        at[0] = c"\n"
        return at + 1
    if strict and (value == INT64_MIN or value % cell.divisor):
        return NULL
    if cell.divisor != 1:
        value = value / cell.divisor
    at = put_signed(at, value)
    at[0] = cell.suffix
    return at + 1


cdef inline char* put_whole(
    char* at, const Cell* cell, Py_ssize_t index, bint strict
) noexcept nogil:
    # NULL if it is refused.
    cdef int64_t value = whole(cell.data, cell.kind, index)
    if cell.kind == c"Q":
        if value < 0:
            return NULL
    elif strict and value == INT64_MIN:
        return NULL
    at = put_signed(at, value)
    at[0] = c"i"
    return at + 1


cdef char* put_cell(
    Place* place, char* at, const Cell* cell, bint strict
) noexcept nogil:
    # Write what a row has in a column, with its name; nothing if it is absent. NULL if
    # it is not written, for the reason that is at the place then.
    cdef Py_ssize_t index = place.row + cell.offset
    cdef char kind = cell.kind
    cdef int64_t count
    cdef Span span
    cdef char* absent = NULL if cell.role == MOMENT or cell.role == TABLE else at
    place.outcome = REFUSED
    if kind == c"0" or cell.valid is not NULL and not is_valid(cell, index):
        return absent
    if kind == c"c" or kind == c"o" or kind == c"s" or kind == c"S" or kind == c"v":
        span = span_of(cell, place.row)
        if span.size < 0:
            return absent if span.size == ABSENT else NULL
        if kind != c"c":  # whose entries begin with it
            at = put(at, cell.name, cell.name_size)
        elif span.size <= SHORT:
            return put(at, span.data, span.size)
        return put_span(place, at, cell, span)
    if kind == c"t" or kind == c"T":
        if kind == c"t":
            count = (<const int64_t*>cell.data)[index]
        else:
            count = (<const int32_t*>cell.data)[index]
        if cell.nat and count == INT64_MIN:
            return absent
        at = put(at, cell.name, cell.name_size)
        return put_moment(at, cell, count, strict)
    at = put(at, cell.name, cell.name_size)
    if kind == c"d":
        return put_double(at, (<const double*>cell.data)[index], strict)
    if kind == c"f":
        return put_double(at, (<const float*>cell.data)[index], strict)
    if kind == c"D" or kind == c"F":
        return put_text_double(
            at,
            (<const double*>cell.data)[index]
            if kind == c"D"
            else (<const float*>cell.data)[index],
            strict,
        )
    if kind == c"?":
        at[0] = c"t" if cell.data[index] else c"f"
        return at + 1
    if kind == c"!":
        at[0] = c"t" if cell.data[index >> 3] >> (index & 7) & 1 else c"f"
        return at + 1
    return put_whole(at, cell, index, strict)


cdef inline char* put_quickly(
    Place* place, char* at, const Cell* cell, bint strict
) noexcept nogil:
    # What is commonest, without a call: all of it is in `put_cell` as well.
    cdef Py_ssize_t index = place.row + cell.offset
    cdef int64_t code
    cdef const Span* span
    if cell.valid is NULL and not strict:
        if cell.kind == c"c":
            code = whole(cell.data, cell.codes, index)
            if 0 <= code < cell.span_count:
                span = cell.spans + code
                if 0 <= span.size <= SHORT:
                    return put(at, span.data, span.size)
        elif cell.kind == c"d":
            at = put(at, cell.name, cell.name_size)
            return put_double(at, (<const double*>cell.data)[index], False)
        elif cell.kind == c"q":
            at = put(at, cell.name, cell.name_size)
            at = put_signed(at, (<const int64_t*>cell.data)[index])
            at[0] = c"i"
            return at + 1
    return put_cell(place, at, cell, strict)


cdef Outcome put_rows(const Job* job, Place* place, Py_ssize_t stop) noexcept nogil:
    # Write rows until one is refused, or there is no room for it.
    cdef char* at
    cdef char* head
    cdef char* behind_symbols
    cdef const Cell* cell
    cdef const Cell* end = job.cells + job.count
    while place.row < stop:
        place.need = 0
        at = place.at
        if at > place.limit:
            return NO_ROOM
        if job.head is not NULL:
            at = put(at, job.head, job.head_size)
        head = behind_symbols = at
        cell = job.cells
        while cell < end and cell.role != MOMENT:
            at = put_quickly(place, at, cell, job.strict)
            if at is NULL:
                return place.outcome
            if cell.role != COLUMN:
                behind_symbols = at
                if cell.role == TABLE:
                    head = at
            cell += 1
        if at == head:
            return REFUSED  # a row of nothing
        if at > behind_symbols:
            behind_symbols[0] = c" "
        if cell < end:
            at = put_cell(place, at, cell, job.strict)
            if at is NULL:
                return place.outcome
        else:
            at = put(at, job.tail, job.tail_size)
        place.at = at
        place.row += 1
    return WRITTEN

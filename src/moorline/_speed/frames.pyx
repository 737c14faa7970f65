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
from moorline._speed.texts cimport BREAKS, INSIDE, OUTSIDE

from moorline.errors import RowError
from moorline.questdb.timestamps import LAST_MICROS, LAST_NANOS

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const char* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

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


cdef inline uint64_t has(uint64_t word, uint64_t byte) noexcept nogil:
    # Not zero if one of the bytes is in the word, and perhaps if it is not.
    cdef uint64_t found = word ^ byte * <uint64_t>0x0101010101010101
    return (found - <uint64_t>0x0101010101010101) & ~found


cdef inline uint64_t breaks(uint64_t word, int where) noexcept nogil:
    # Not zero if one of the bytes is to be escaped or is not ASCII.
    cdef uint64_t found = word | has(word, 0x0A) | has(word, 0x0D) | has(word, 0x5C)
    if where == INSIDE:
        found |= has(word, 0x22)
    else:
        found |= has(word, 0x20) | has(word, 0x2C) | has(word, 0x3D)
    return found & <uint64_t>0x8080808080808080


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


cdef char* put_text(char* at, Text text, int where) noexcept nogil:
    # Up to twice as many bytes; NULL if it is no UTF-8.
    cdef const uint8_t* data = <const uint8_t*>text.data
    cdef const uint8_t* end = data + text.size
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
    at = put_text(at, Text(span.data, span.size), cell.where)
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


# --- what is known to Python ---------------------------------------------------------

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
        base = into.reserve(used + place.need + 2 * job.width + more)
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

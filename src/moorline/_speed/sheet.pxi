# Rows with a schema.

cdef enum:
    # What a place of a row is.
    SYMBOL
    COLUMN
    MICROS  # since 1970, in a column
    NANOS
    END
    END_MICROS
    END_NANOS


cdef struct Place:
    Py_ssize_t index  # of its value
    PyObject* field  # its name as it is written
    PyObject* writers
    int what
    int kinds  # of values that are written here


cdef dict WHAT = {
    "symbol": (SYMBOL, 0),
    "any": (COLUMN, ANY),
    "bool": (COLUMN, BOOL),
    "i64": (COLUMN, WHOLE),
    "f64": (COLUMN, DOUBLE),
    "str": (COLUMN, TEXT),
    "ts": (COLUMN, MOMENT),
    "dec": (COLUMN, 0),
    "arr": (COLUMN, 0),
    "ts_us": (MICROS, MOMENT),
    "ts_ns": (NANOS, MOMENT),
    "at": (END, 0),
    "at_us": (END_MICROS, 0),
    "at_ns": (END_NANOS, 0),
}


@cython.final
cdef class Sheet:
    """A Plan, in memory that is quick to walk through."""

    cdef object plan
    cdef object parts
    cdef bytes head
    cdef Place* places
    cdef Py_ssize_t count
    cdef int version
    cdef bint strict

    def __cinit__(self, Script script, plan):
        cdef Py_ssize_t index
        cdef Place* place
        self.plan = plan
        self.parts = parts = plan.places()
        self.head = plan.head
        self.version = script.version
        self.strict = script.strict
        self.places = <Place*>malloc(len(parts) * sizeof(Place))
        if self.places is NULL:
            raise MemoryError
        # What the pointers point to is kept by `parts`.
        for index, (at, kind, field, writers) in enumerate(parts):
            place = &self.places[index]
            place.index = at
            place.field = <PyObject*>field
            place.writers = <PyObject*>writers
            place.what, place.kinds = WHAT[kind]
        self.count = len(parts)

    def __dealloc__(self):
        free(self.places)


cdef int put_place(Sheet sheet, Out* out, Place* place, object value) except -1:
    cdef int version = sheet.version
    if sheet.strict:
        return FOREIGN
    if place.what == SYMBOL:
        if PyUnicode_CheckExact(value):
            return put_symbol(out, value)
        return ABSENT if value is None else FOREIGN
    if place.what == COLUMN:
        return put_value(out, value, version, place.kinds)
    if place.what == MICROS or place.what == NANOS:
        if type(value) is int:
            return put_count(out, value, place.what == NANOS, version)
        return put_value(out, value, version, place.kinds)
    if place.what != END and type(value) is int:
        return put_end_count(out, value, place.what == END_NANOS, version)
    return put_end(out, value, version)


cdef int put_values(Sheet sheet, Out* out, tuple values) except -1:
    """Write a row; what is not regular is left half written."""
    cdef Py_ssize_t index, place_at, columns_at = 0, begin = out.at - out.begin
    cdef Place* place
    cdef int how
    cdef bint ended = False
    if PyTuple_GET_SIZE(values) != sheet.count:
        return IRREGULAR
    put_bytes(out, <PyObject*>sheet.head)
    for index in range(sheet.count):
        place = &sheet.places[index]
        place_at = out.at - out.begin
        if place.what >= END:
            if place_at == begin + len(sheet.head):
                return IRREGULAR
            ended = True
        else:
            put_bytes(out, place.field)
        value = <object>PyTuple_GET_ITEM(values, place.index)
        how = put_place(sheet, out, place, value)
        if how == FOREIGN:
            how = put_foreign(out, <object>place.writers, value)
            if how == IRREGULAR:
                return IRREGULAR
        if how == ABSENT:
            out.at = out.begin + place_at
        elif not columns_at and COLUMN <= place.what < END:
            columns_at = place_at
    if not ended:
        if out.at - out.begin == begin + len(sheet.head):
            return IRREGULAR
        put_memory(out, "\n", 1)
    if columns_at:
        out.begin[columns_at] = SPACE
    return WRITTEN


cdef Py_ssize_t put_rows(
    Sheet sheet, Out* out, rows, Py_ssize_t size, Py_ssize_t most
) except -1:
    """Write rows into memory that nobody else has, and return how many they are."""
    cdef Py_ssize_t count = 0, begin
    cdef tuple row
    for values in rows:
        begin = out.at - out.begin
        if PyTuple_CheckExact(values):
            row = <tuple>values
        else:
            len(values)  # the original refuses what has none
            row = tuple(values)
        if put_values(sheet, out, row) == IRREGULAR:
            out.at = out.begin + begin
            written = bytearray()
            originals["append_rows"](
                written, sheet.plan, (values,), size=0, most=PY_SSIZE_T_MAX, number=count
            )
            put_memory(out, written, len(written))
        count += 1
        if out.at - out.begin > most - size:
            originals["refuse_full"](size, out.at - out.begin, most)
    return count


cdef Py_ssize_t fill(
    Sheet sheet, Store store, rows, Py_ssize_t size, Py_ssize_t most
) except -1:
    """Write rows into a store that nobody else has."""
    cdef Out out
    out.store = NULL
    out.begin = out.at = store.data
    out.end = store.data + store.room
    store.data = NULL
    store.size = store.room = 0
    try:
        return put_rows(sheet, &out, rows, size, most)
    finally:
        store.data = out.begin
        store.size = out.at - out.begin
        store.room = out.end - out.begin

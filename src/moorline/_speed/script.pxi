# How rows are written: an Encoding's tables, and names that were met lately.

cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(object known, object name) except? NULL
    Py_ssize_t PY_SSIZE_T_MAX
    Py_ssize_t PyDict_GET_SIZE(object known)

cdef enum:
    SLOTS = 128
    HEADS = 16
    SHORT = 32
    SPACE = 32


cdef struct Slot:
    PyObject* name  # a str, or NULL
    PyObject* written  # bytes
    Py_hash_t hash
    Py_ssize_t size  # of what is written
    char text[SHORT]  # the same, if it is no longer


@cython.final
cdef class Script:
    """An Encoding, with its names by identity: most are constants of the program."""

    cdef object encoding
    cdef object tables
    cdef object fields
    cdef object symbols
    cdef object columns
    cdef object ends
    cdef dict of_kind
    cdef int version
    cdef bint strict
    cdef Slot names[SLOTS]
    cdef Slot heads[HEADS]

    def __cinit__(self, encoding):
        if encoding is None:
            self.strict = True
            return
        self.encoding = encoding
        self.tables = encoding.tables
        self.fields = encoding.fields
        self.symbols = encoding.symbols
        self.columns = encoding.columns
        self.ends = encoding.ends
        self.of_kind = encoding.of_kind
        self.version = encoding.version
        self.strict = encoding.strict
        if self.version == 1:
            fill_powers()

    def __dealloc__(self):
        cdef int index
        for index in range(SLOTS):
            Py_XDECREF(self.names[index].name)
            Py_XDECREF(self.names[index].written)
        for index in range(HEADS):
            Py_XDECREF(self.heads[index].name)
            Py_XDECREF(self.heads[index].written)


# Of what was never initialised: everything is left to the originals, which refuse it.
cdef Script NO_SCRIPT = Script(None)


cdef inline size_t place_of(object name):
    cdef size_t number = <size_t><PyObject*>name
    return number >> 4 ^ number >> 12


cdef Slot* look_up(Slot* slot, object known, object name) except? NULL:
    """Return a name as it is written; NULL if it is not known yet."""
    cdef PyObject* written
    cdef Slot old = slot[0]
    if not PyUnicode_CheckExact(name):
        return NULL
    written = PyDict_GetItemWithError(known, name)
    if written is NULL:
        return NULL
    Py_INCREF(name)
    Py_INCREF(<object>written)
    slot.name = <PyObject*>name
    slot.written = written
    slot.hash = PyObject_Hash(name)
    slot.size = PyBytes_GET_SIZE(<object>written)
    memcpy(slot.text, PyBytes_AS_STRING(<object>written), min(slot.size, SHORT))
    Py_XDECREF(old.name)
    Py_XDECREF(old.written)
    return slot


cdef inline Slot* field_of(Script script, object name) except? NULL:
    cdef Slot* slot = &script.names[place_of(name) & (SLOTS - 1)]
    if slot.name is <PyObject*>name:
        return slot
    return look_up(slot, script.fields, name)


cdef inline Slot* head_of(Script script, object table) except? NULL:
    cdef Slot* slot = &script.heads[place_of(table) & (HEADS - 1)]
    if slot.name is <PyObject*>table:
        return slot
    return look_up(slot, script.tables, table)


cdef inline int put_name(Out* out, Slot* slot) except -1:
    if slot.size > SHORT:
        return put_bytes(out, slot.written)
    need(out, SHORT)
    memcpy(out.at, slot.text, SHORT)  # of a size that compilers know
    out.at += slot.size
    return 0


cdef inline uint64_t mark_of(Slot* slot):
    # One bit of 64, the same for names that are equal.
    return <uint64_t>1 << (slot.hash & 63)


cdef int move_out(Out* out) except -1:
    """Go on in memory of its own, since Python code may use the store."""
    cdef Py_ssize_t size = out.at - out.begin
    cdef char* memory
    if out.store is NULL:
        return 0
    memory = <char*>malloc(2 * size + 256)
    if memory is NULL:
        raise MemoryError
    memcpy(memory, out.begin, size)
    out.begin = memory
    out.at = memory + size
    out.end = memory + 2 * size + 256
    out.store = NULL
    return 0


cdef int put_foreign(Out* out, object writers, object value) except -1:
    """Have a value written by the writer for its type."""
    held = value  # whatever becomes of the dict that it is in
    move_out(out)
    try:
        said = writers[type(held)](held)
    except Exception:  # the original meets it again, and says where it was
        return IRREGULAR
    if said is None:
        return ABSENT
    if not PyBytes_CheckExact(said):
        return IRREGULAR
    put_bytes(out, <PyObject*>said)
    return WRITTEN


cdef int put_symbols(
    Script script, Out* out, object symbols, uint64_t* seen
) except -1:
    cdef PyObject* name
    cdef PyObject* value
    cdef Slot* slot
    cdef Py_ssize_t place, position = 0, count = PyDict_GET_SIZE(symbols)
    cdef int how
    for _ in range(count):
        if not PyDict_Next(symbols, &position, &name, &value):
            return IRREGULAR
        place = out.at - out.begin
        slot = field_of(script, <object>name)
        if slot is NULL:
            return IRREGULAR
        seen[0] |= mark_of(slot)
        put_name(out, slot)
        how = FOREIGN
        if PyUnicode_CheckExact(<object>value):
            how = put_symbol(out, <object>value)
        elif <object>value is None:
            how = ABSENT
        if how == FOREIGN:
            how = put_foreign(out, script.symbols, <object>value)
            if how == IRREGULAR or PyDict_GET_SIZE(symbols) != count:
                return IRREGULAR
        if how == ABSENT:
            out.at = out.begin + place
    return WRITTEN


cdef int put_columns(
    Script script, Out* out, object columns, uint64_t* seen
) except -1:
    cdef PyObject* name
    cdef PyObject* value
    cdef Slot* slot
    cdef Py_ssize_t place, first = out.at - out.begin
    cdef Py_ssize_t position = 0, count = PyDict_GET_SIZE(columns)
    cdef uint64_t marks = 0
    cdef int how
    for _ in range(count):
        if not PyDict_Next(columns, &position, &name, &value):
            return IRREGULAR
        place = out.at - out.begin
        slot = field_of(script, <object>name)
        if slot is NULL:
            return IRREGULAR
        marks |= mark_of(slot)
        put_name(out, slot)
        how = put_value(out, <object>value, script.version, ANY)
        if how == FOREIGN:
            how = put_foreign(out, script.columns, <object>value)
            if how == IRREGULAR or PyDict_GET_SIZE(columns) != count:
                return IRREGULAR
        if how == ABSENT:
            out.at = out.begin + place
    if out.at - out.begin > first:
        out.begin[first] = SPACE
    seen[0] &= marks
    return WRITTEN


cdef int put_row(
    Script script, Out* out, object table, object symbols, object columns, object at
) except -1:
    """Write a row; what is not regular is left half written."""
    cdef Slot* head
    cdef Py_ssize_t behind_head
    cdef uint64_t seen = 0
    cdef int how
    if script.strict:
        return IRREGULAR
    head = head_of(script, table)
    if head is NULL:
        return IRREGULAR
    put_name(out, head)
    behind_head = out.at - out.begin
    if symbols is not None:
        if not PyDict_CheckExact(symbols):
            return IRREGULAR
        if put_symbols(script, out, symbols, &seen) == IRREGULAR:
            return IRREGULAR
    if columns is not None:
        if not PyDict_CheckExact(columns):
            return IRREGULAR
        if put_columns(script, out, columns, &seen) == IRREGULAR:
            return IRREGULAR
        # Nobody's own comparison is called: known names are str and of no subclass.
        if seen and symbols is not None:
            for name in <dict>symbols:
                if PyDict_Contains(columns, name):
                    return IRREGULAR
    if out.at - out.begin == behind_head:
        return IRREGULAR
    how = put_end(out, at, script.version)
    if how == FOREIGN:
        how = put_foreign(out, script.ends, at)
    return how

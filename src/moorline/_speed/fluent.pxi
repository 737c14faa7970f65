# A row step by step.

cdef struct Seen:
    PyObject* name
    Py_hash_t hash


cdef class Fluent:
    """Adds symbols and columns to the row that is begun."""

    cdef Script script
    cdef object begun  # the name of its table; None: there is no row here
    cdef object resumed  # the original's row, after something irregular
    cdef Out out
    cdef Py_ssize_t columns_at  # as long as there is no column: 0
    cdef Seen* seen
    cdef Py_ssize_t count
    cdef Py_ssize_t room

    def __cinit__(self, *_arguments, **_options):
        self.script = NO_SCRIPT

    def __dealloc__(self):
        forget(self)
        free(self.seen)
        free(self.out.begin)

    @property
    def _encoding(self):
        return self.script.encoding

    def symbol(self, name, value):
        if not add_symbol(self, name, value):
            row = handed_over(self, "symbol()")
            row.add_symbol(name, value)
            self.resumed = row
        return self

    def column(self, name, value):
        return add_column(self, self.script.columns, ANY, name, value)

    def column_bool(self, name, value):
        return add_column(self, self.script.of_kind["bool"], BOOL, name, value)

    def column_i64(self, name, value):
        return add_column(self, self.script.of_kind["i64"], WHOLE, name, value)

    def column_f64(self, name, value):
        return add_column(self, self.script.of_kind["f64"], DOUBLE, name, value)

    def column_str(self, name, value):
        return add_column(self, self.script.of_kind["str"], TEXT, name, value)

    def column_ts(self, name, value):
        return add_column(self, self.script.of_kind["ts"], MOMENT, name, value)

    def column_dec(self, name, value):
        return add_column(self, self.script.of_kind["dec"], 0, name, value)

    def column_arr(self, name, value):
        return add_column(self, self.script.of_kind["arr"], 0, name, value)


cdef void forget(Fluent self) noexcept:
    cdef Py_ssize_t index, count = self.count
    self.count = 0
    self.begun = None
    for index in range(count):
        Py_DECREF(<object>self.seen[index].name)


cdef int start(Fluent self, object table) except -1:
    """Begin a row."""
    cdef Slot* head = NULL
    if not self.script.strict:
        head = head_of(self.script, table)
    if head is NULL:
        self.resumed = originals["begin"](self.script.encoding, table)
        return 0
    self.out.at = self.out.begin
    put_name(&self.out, head)
    self.columns_at = 0
    self.begun = table
    return 0


cdef bint is_begun(Fluent self):
    return self.begun is not None or self.resumed is not None


cdef handed_over(Fluent self, what):
    """Take the row that is begun, as the original's; whoever succeeds puts it back."""
    cdef Py_ssize_t index
    row, self.resumed = self.resumed, None
    if self.begun is not None:
        row = originals["resume"](
            self.script.encoding,
            self.begun,
            PyByteArray_FromStringAndSize(
                self.out.begin, self.out.at - self.out.begin
            ),
            self.columns_at,
            [<object>self.seen[index].name for index in range(self.count)],
        )
        forget(self)
    if row is None:
        originals["refuse_no_row"](what)
    return row


cdef Slot* new_field(Fluent self, object name) except? NULL:
    """Return a name as it is written; NULL if it is not known, or may be there."""
    cdef Py_ssize_t index
    cdef Slot* slot = field_of(self.script, name)
    if slot is not NULL:
        for index in range(self.count):
            if self.seen[index].hash == slot.hash:
                return NULL
    return slot


cdef int note(Fluent self, object name, Py_hash_t hash) except -1:
    """Remember a name that was written."""
    cdef Py_ssize_t room
    cdef Seen* seen
    if self.count == self.room:
        room = 2 * self.room + 8
        seen = <Seen*>realloc(self.seen, room * sizeof(Seen))
        if seen is NULL:
            raise MemoryError
        self.seen = seen
        self.room = room
    self.seen[self.count].hash = hash
    self.seen[self.count].name = <PyObject*>name
    Py_INCREF(name)
    self.count += 1
    return 0


cdef bint add_symbol(Fluent self, object name, object value) except -1:
    """Return whether it was regular, and is added."""
    cdef Slot* slot
    cdef Py_ssize_t place = self.out.at - self.out.begin
    if self.begun is None or self.columns_at:
        return False
    if not PyUnicode_CheckExact(value):
        return False
    slot = new_field(self, name)
    if slot is NULL:
        return False
    put_name(&self.out, slot)
    if put_symbol(&self.out, value) == FOREIGN:
        self.out.at = self.out.begin + place
        return False
    note(self, name, slot.hash)
    return True


cdef add_column(Fluent self, object writers, int kinds, object name, object value):
    if not add_value(self, writers, kinds, name, value):
        row = handed_over(self, "column()")
        row.add_column(writers, name, value)
        self.resumed = row
    return self


cdef bint add_value(
    Fluent self, object writers, int kinds, object name, object value
) except -1:
    """Return whether it was regular, and is added, or absent."""
    cdef Out* out = &self.out
    cdef Slot* slot
    cdef Py_ssize_t place
    cdef int how
    if self.begun is None:
        return False
    slot = new_field(self, name)
    if slot is NULL:
        return False
    place = out.at - out.begin
    put_name(out, slot)
    how = put_value(out, value, self.script.version, kinds)
    if how == FOREIGN:
        # Its writer may be anybody's: the row is whole while it runs.
        out.at = out.begin + place
        try:
            said = writers[type(value)](value)
        except Exception:
            return False
        if said is None:
            return True
        if not PyBytes_CheckExact(said) or self.begun is None:
            return False
        slot = new_field(self, name)
        if slot is NULL:
            return False
        place = out.at - out.begin
        put_name(out, slot)
        put_bytes(out, <PyObject*>said)
    elif how == ABSENT:
        out.at = out.begin + place
        return True
    if not self.columns_at:
        self.columns_at = place
    note(self, name, slot.hash)
    return True


cdef bint end(Fluent self, object at) except -1:
    """Return whether what is written is a whole row now."""
    cdef Out* out = &self.out
    cdef int how
    if self.begun is None or not self.count:
        return False
    if self.columns_at:
        out.begin[self.columns_at] = SPACE
    how = put_end(out, at, self.script.version)
    if how == FOREIGN:
        try:
            said = self.script.ends[type(at)](at)
        except Exception:
            return False
        if self.begun is None or not PyBytes_CheckExact(said):
            return False
        put_bytes(out, <PyObject*>said)
    return True


cdef class Row(Fluent):
    """A row in the making, beside others; see `moorline.questdb.fluent.Row`."""

    cdef object then
    cdef Intake intake

    def __init__(self, encoding, table, then):
        self.script = Script(encoding)
        self.then = then
        self.begun = self.resumed = None
        start(self, table)

    __class_getitem__ = classmethod(type(list[int]))

    def at(self, timestamp):
        if not end(self, timestamp):
            written = handed_over(self, "at()").finish(timestamp)
        elif self.intake is not None:
            try:
                add_to_intake(self.intake, &self.out)
            finally:
                forget(self)
            return None
        else:
            written = PyByteArray_FromStringAndSize(
                self.out.begin, self.out.at - self.out.begin
            )
            forget(self)
        if self.intake is not None:
            return self.intake.append(written)
        return self.then(written)

    def at_now(self):
        return self.at(None)

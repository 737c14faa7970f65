# Where rows come in.

cdef class Appender(Fluent):
    """Rows that threads append; see `moorline.questdb.appender.Appender`."""

    cdef Store store
    cdef Store spare
    cdef readonly Py_ssize_t row_count
    cdef readonly Py_ssize_t init_buf_size
    cdef public Py_ssize_t max_buf_size

    def __cinit__(self, *_arguments, **_options):
        self.store = Store()

    def __init__(self, encoding, init_buf_size, max_buf_size):
        self.script = Script(encoding)
        self.init_buf_size = init_buf_size
        self.max_buf_size = max_buf_size

    def __len__(self):
        return self.store.size

    def __bytes__(self):
        return bytes(self.store)

    def row(self, table, *, symbols=None, columns=None, at):
        add_row(self, table, symbols, columns, at)
        return self

    def rows(self, table, rows, schema):
        cdef Store store
        cdef Py_ssize_t count
        self.check_finished()
        plan = originals["plan"](self.script.encoding, table, schema)
        store = self.lend()
        try:
            count = fill(
                Sheet(self.script, plan), store, rows, self.store.size, self.max_buf_size
            )
            add_store(self, store, count)
        finally:
            self.recycle(store)
        return self

    def table(self, name):
        self.check_finished()
        start(self, name)
        return self

    def at(self, timestamp):
        if end(self, timestamp):
            try:
                add_out(self, &self.out)
            finally:
                forget(self)
        else:
            self.append(handed_over(self, "at()").finish(timestamp))
        return self

    def at_now(self):
        return self.at(None)

    def cancel_row(self):
        forget(self)
        self.resumed = None
        return self

    def begin(self, table, then):
        cdef Row row = new_row(self, table)
        row.then = then
        return row

    def append(self, row):
        cdef Py_ssize_t size = len(row)
        refuse_beyond(self, size)
        self.store.extend(row)
        self.row_count += 1

    def check_finished(self):
        if is_begun(self):
            originals["refuse_unfinished"](
                self.resumed.table if self.begun is None else self.begun
            )

    def take(self):
        cdef Store fresh = self.spare
        cdef Store taken
        cdef Py_ssize_t rows
        if fresh is None:
            fresh = Store()
        # No object is made in between: that may run Python code, when garbage is due.
        taken = self.store
        rows = self.row_count
        self.store = fresh
        self.spare = None
        self.row_count = 0
        return taken, rows

    def restore(self, Store store not None, Py_ssize_t rows):
        cdef Store since = self.store
        if since.size:
            memcpy(store.reserve(since.size), since.data, since.size)
            store.size += since.size
        self.store = store
        self.row_count += rows
        self.recycle(since)

    cpdef Store lend(self):
        """Hand over memory to write rows to, for `adopt` and then for `recycle`."""
        cdef Store spare = self.spare
        self.spare = None
        return Store() if spare is None else spare

    def recycle(self, Store store not None):
        if store.exports == 0:
            store.size = 0
            self.spare = store

    def adopt(self, Store store not None, Py_ssize_t rows):
        self.check_finished()
        add_store(self, store, rows)

    def truncate(self, Py_ssize_t size, Py_ssize_t rows):
        self.store.truncate(size)
        self.row_count = rows


cdef Row new_row(Appender self, object table):
    cdef Row row = Row.__new__(Row)
    row.script = self.script
    start(row, table)
    return row


cdef inline int refuse_beyond(Appender self, Py_ssize_t size) except -1:
    if size > self.max_buf_size - self.store.size:
        originals["refuse_full"](self.store.size, size, self.max_buf_size)
    return 0


cdef int add_row(
    Appender self, object table, object symbols, object columns, object at
) except -1:
    """Append a row, or have the original write it."""
    cdef Store store = self.store
    cdef Out out
    cdef int how
    if is_begun(self):
        self.check_finished()
    out.begin = out.at = store.data + store.size
    out.end = store.data + store.room
    out.store = <PyObject*>store
    if store.exports or store.data is NULL:
        first_room(self, &out)
    try:
        how = put_row(self.script, &out, table, symbols, columns, at)
        if how == WRITTEN:
            add_out(self, &out)
            return 0
    finally:
        if out.store is NULL:
            free(out.begin)
    self.append(originals["row_of"](self.script.encoding, table, symbols, columns, at))
    return 0


cdef int first_room(Appender self, Out* out) except -1:
    """Begin where the store cannot be written to."""
    if self.store.exports:
        out.begin = out.at = out.end = NULL
        out.store = NULL
        return 0
    out.begin = out.at = self.store.reserve(min(self.init_buf_size, self.max_buf_size))
    out.end = out.begin + self.store.room
    return 0


cdef inline int add_out(Appender self, Out* out) except -1:
    """Append a row that is finished."""
    cdef Py_ssize_t size = out.at - out.begin
    refuse_beyond(self, size)
    if out.store is NULL:
        memcpy(self.store.reserve(size), out.begin, size)
    self.store.size += size
    self.row_count += 1
    return 0


cdef int add_store(Appender self, Store store, Py_ssize_t rows) except -1:
    """Append the rows of a store, which is empty then."""
    refuse_beyond(self, store.size)
    if self.store.size:
        store.unseen()
        memcpy(self.store.reserve(store.size), store.data, store.size)
        self.store.size += store.size
        store.size = 0
    else:
        self.store.swap(store)
    self.row_count += rows
    return 0


cdef class Intake:
    """Takes rows from many threads into one buffer; see `moorline.questdb.intake`."""

    cdef public Appender _buffer
    cdef public Py_ssize_t _enough_rows
    cdef public Py_ssize_t _enough_bytes

    def __cinit__(self, *_arguments, **_options):
        self._enough_rows = self._enough_bytes = PY_SSIZE_T_MAX

    def row(self, table, *, symbols=None, columns=None, at):
        cdef Appender buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        add_row(buffer, table, symbols, columns, at)
        look(self, buffer)
        return self

    def rows(self, table, rows, schema):
        cdef Appender buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        buffer.rows(table, rows, schema)
        look(self, buffer)
        return self

    def table(self, name):
        cdef Appender buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        cdef Row row = new_row(buffer, name)
        row.intake = self
        return row

    def append(self, row):
        cdef Appender buffer = self._buffer
        if buffer is None:
            buffer = self._open()
        buffer.append(row)
        look(self, buffer)

    def _look(self, Appender buffer not None):
        look(self, buffer)

    def _open(self):
        raise NotImplementedError

    def _reached(self):
        raise NotImplementedError


cdef inline int look(Intake self, Appender buffer) except -1:
    if (
        buffer.row_count >= self._enough_rows
        or buffer.store.size >= self._enough_bytes
    ):
        self._reached()
    return 0


cdef int add_to_intake(Intake self, Out* out) except -1:
    """Add a row that is finished."""
    cdef Appender buffer = self._buffer
    if buffer is None:
        buffer = self._open()
    add_out(buffer, out)
    look(self, buffer)
    return 0

cdef class Store:
    cdef char* data
    cdef Py_ssize_t size  # bytes that are there
    cdef Py_ssize_t room  # bytes that there is memory for
    cdef int exports  # views: as long as there is one, nothing may be moved

    # Make room for so many bytes behind those that are there, and return where it
    # begins. What was written there before the call and not counted yet is kept.
    cdef char* reserve(self, Py_ssize_t more) except NULL
    # Make the two change places.
    cdef int swap(self, Store other) except -1
    # Refuse to go on as long as there is a view.
    cdef int unseen(self) except -1

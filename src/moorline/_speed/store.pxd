cdef class Store:
    cdef char* data
    cdef Py_ssize_t size  # bytes that are there
    cdef Py_ssize_t room  # bytes that there is memory for
    cdef int exports  # views: as long as there is one, nothing may be moved
    cdef bint moving  # nobody may look: the memory is elsewhere at any moment

    # Make room for so many bytes behind those that are there, and return where it
    # begins. What was written there before the call and not counted yet is kept.
    cdef char* reserve(self, Py_ssize_t more) except NULL
    # The same without the GIL: to move much takes milliseconds. Whoever looks meanwhile
    # gets a BufferError, so it is for stores that nobody else has.
    cdef char* reserve_apart(self, Py_ssize_t more) except NULL
    # Move to so much room, without the GIL.
    cdef int move_to(self, Py_ssize_t room) except -1
    # How much room to make.
    cdef Py_ssize_t room_for(self, Py_ssize_t more) except -1
    # Note where the memory is now; NULL: there was no more.
    cdef int moved(self, char* data, Py_ssize_t room) except -1
    # Refuse to look while memory is moved.
    cdef int still(self) except -1
    # Make the two change places.
    cdef int swap(self, Store other) except -1
    # Refuse to go on as long as there is a view.
    cdef int unseen(self) except -1

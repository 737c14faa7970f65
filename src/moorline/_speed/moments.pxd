cdef class TimestampMicros:
    cdef readonly object value  # an int of any size, of no subclass


cdef class TimestampNanos:
    cdef readonly object value

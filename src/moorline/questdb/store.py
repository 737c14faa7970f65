"""Memory that grows, for the rows of a buffer."""

from __future__ import annotations

from moorline.questdb.impl import twin

__all__ = ["Store"]


@twin
class Store(bytearray):
    """Bytes that rows are appended to.

    The compiled one keeps its room when it is cleared. As long as there is a view of
    it, it can be read only: whatever would move or drop bytes raises BufferError. Use
    no more of it than ``len``, ``bytes``, ``memoryview``, `extend`, `expect`,
    `truncate` and `clear`: the compiled one has nothing else.
    """

    __slots__ = ()

    def expect(self, more: int) -> None:
        """Make room for so many bytes more at once, if nobody has a view.

        It is a hint, and only the compiled one takes it.
        """

    def truncate(self, size: int) -> None:
        """Drop all but the first bytes; not less than there are.

        Raises:
            BufferError: There is a view of it.
        """
        del self[size:]

"""`Frame`: the part of a transaction that one function works in, and the one inside it.

The writes of a function that fails are undone from the newest back, so they must be the newest:
while an inner frame is open, everything of the outer one waits. Rejected: to refuse it, because
`asyncio.gather` of two nested mutations would fail or not, depending on who suspends first.
"""

from __future__ import annotations

import anyio


class Frame:
    """One function's part of a transaction; at most one other is open inside it."""

    # in the class, because every transaction has one and few have another inside
    depth = 0
    """How many frames are around it."""
    is_over = False
    """Has its function returned? What it left running must not read or write any more."""
    mark = 0
    """Up to where writes are undone if its function fails."""
    inner: Frame | None = None
    """The frame that is open inside it; whoever wants to do something here waits for it."""
    _ended: anyio.Event | None = None
    _readers: tuple[Frame, ...] = ()

    async def wait_alone(self) -> None:
        """Return once no frame is open inside this one."""
        while self.inner is not None and self.inner._ended is not None:
            await self.inner._ended.wait()

    def enter(self, mark: int) -> Frame:
        """Open a frame inside; it has to be left."""
        assert self.inner is None, "one at a time: whoever enters has waited"
        inner = self._deeper()
        inner.mark = mark
        inner._ended = anyio.Event()
        self.inner = inner
        return inner

    def enter_to_read(self) -> Frame:
        """Open a frame inside that nobody need wait for, because nothing is written in it."""
        inner = self._deeper()
        self._readers = (*self._readers, inner)
        return inner

    def leave(self, inner: Frame) -> None:
        """End the frame inside, and all that are inside that one."""
        inner.end()
        if self.inner is inner:
            self.inner = None
        elif self._readers:
            self._readers = tuple(each for each in self._readers if each is not inner)

    def end(self) -> None:
        """Its function has returned; end all that are inside, too."""
        self.is_over = True
        for reader in self._readers:
            reader.end()
        if self.inner is not None:
            self.inner.end()
            self.inner = None
        if self._ended is not None:
            self._ended.set()

    def _deeper(self) -> Frame:
        frame = Frame()
        frame.depth = self.depth + 1
        return frame

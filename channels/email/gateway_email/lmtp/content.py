"""A mail's content as it comes in after DATA."""

from __future__ import annotations

import asyncio

END = b"\r\n.\r\n"
LARGE = 1024 * 1024


class Content:
    """Takes pieces, and undoes dot-stuffing in each (RFC 5321 section 4.5.2).

    Doing it to a large mail at once would hold up everybody else on the event loop. A CRLF is lent
    before the first piece, so that a dot or the end is found on the first line as on any other.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = b""  # a line end whose next octet has not come yet

    def add(self, piece: bytes) -> None:
        """Take a piece that is not the last."""
        piece = self._held + piece
        held = 2 if piece.endswith(b"\r\n") else 1 if piece.endswith(b"\r") else 0
        self._held = piece[len(piece) - held :]
        self._pieces.append(_unstuffed(piece[: len(piece) - held]))

    async def whole(self, last: bytes) -> bytes:
        """Return the mail, of which the last piece has the whole of `END`."""
        pieces, self._pieces = self._pieces, []
        pieces.append(_unstuffed(self._held + last[: 2 - len(END)]))
        first = 0
        while first < len(pieces) - 1 and not pieces[first]:
            first += 1
        pieces[first] = pieces[first][2:]  # the lent line end
        if sum(map(len, pieces)) < LARGE:
            return b"".join(pieces)
        return await asyncio.to_thread(b"".join, pieces)  # others run meanwhile

    def clear(self) -> None:
        """Forget what came."""
        self._pieces.clear()
        self._held = b""


def _unstuffed(piece: bytes) -> bytes:
    return piece.replace(b"\r\n.", b"\r\n")

"""A mail's content as it comes in after DATA."""

from __future__ import annotations

import asyncio

END = b"\r\n.\r\n"
LENT = b"\r\n"
LARGE = 1024 * 1024
SMALL = 4096


class Content:
    """Takes a mail in pieces, cut anywhere, and undoes dot-stuffing in each (RFC 5321 section 4.5.2).

    A CRLF is lent before the first piece, so that a dot or the end is found on the first line as on
    any other.
    """

    def __init__(self) -> None:
        self.size = -len(LENT)
        """Octets that were taken; what may be the end counts when it is known."""
        self._pieces: list[bytes] = []
        self._held = LENT  # what may be the beginning of the end, or of a stuffed dot

    def add(self, piece: bytes) -> bytes | None:
        """Take a piece; gives what came behind the end, and None before the end."""
        piece = self._held + piece
        # There is no dot in base64, and to see that takes a tenth of looking for the end.
        end = piece.find(END) if b"." in piece else -1
        if end >= 0:
            self._keep(piece[: end + len(LENT)])
            return piece[end + len(END) :]
        self._held = _beginning(piece)
        self._keep(piece[: len(piece) - len(self._held)])
        return None

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if b"." in piece:
            piece = piece.replace(b"\r\n.", b"\r\n")
        if self._pieces and len(self._pieces[-1]) < SMALL:
            self._pieces[-1] += piece  # many of a few octets would take more memory than the mail
        else:
            self._pieces.append(piece)

    async def whole(self) -> bytes:
        """Return the mail."""
        pieces, self._pieces = self._pieces, []
        pieces[0] = pieces[0].removeprefix(LENT)
        if self.size < LARGE:
            return b"".join(pieces)
        return await asyncio.to_thread(b"".join, pieces)  # others run meanwhile

    def clear(self) -> None:
        """Forget what came."""
        self._pieces.clear()


def _beginning(piece: bytes) -> bytes:
    """The longest beginning of `END` that a piece ends with."""
    return next((END[:n] for n in range(len(END) - 1, 0, -1) if piece.endswith(END[:n])), b"")

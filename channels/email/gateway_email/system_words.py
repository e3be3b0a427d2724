"""What the system calls an error, without the words that asyncio and libraries put around it."""

from __future__ import annotations

import errno
import os
import socket


def system_words(error: BaseException) -> str:
    """Return ``connection refused`` and the like; else the error's own words.

    Args:
        error: an error of a socket, or of a library that was raised from one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "there is no such host" if cause.errno == socket.EAI_NONAME else str(cause)
        if isinstance(cause, OSError) and cause.errno and cause.errno in errno.errorcode:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__
    return str(error)

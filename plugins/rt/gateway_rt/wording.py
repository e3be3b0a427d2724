"""What broke a connection to the Request Tracker, in words for an operator."""

from __future__ import annotations

import errno
import os

import aiohttp


def words_of(error: Exception) -> str:
    """Say what went wrong with a connection, and what to look at where that is known."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            why = getattr(cause, "verify_message", "") or str(cause)
            return f"its certificate is not accepted: {why}; renew it there, or set ca_file"
        case aiohttp.ClientConnectorDNSError():
            return f"there is no host {error.host}; check url"
        case aiohttp.ClientConnectorSSLError():
            return f"{error.host}:{error.port} does not speak TLS as we do; check url"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno or 0
            why = os.strerror(number) if number in errno.errorcode else str(error.os_error)
            return f"{error.host}:{error.port}: {why.lower()}; does it run, and is url right?"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
        case TimeoutError():
            return "it took too long"
        case _:
            return str(error) or type(error).__name__

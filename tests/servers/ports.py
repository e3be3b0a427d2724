"""Free loopback ports."""

from __future__ import annotations

import socket
import threading

HOST = "127.0.0.1"

_handed_out: set[int] = set()
_guard = threading.Lock()


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on and that was not handed out before."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        with _guard:
            if port not in _handed_out:
                _handed_out.add(port)
                return port


def accepts(port: int) -> bool:
    """Whether something on the loopback interface accepts connections on ``port``."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def greets(port: int, greeting: bytes) -> bool:
    """Whether the server on ``port`` opens the conversation with ``greeting``."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as client:
            return client.recv(512).startswith(greeting)
    except OSError:
        return False

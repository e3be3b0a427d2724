"""A table that Postfix asks over a socket (socketmap_table(5)), so that a change holds at once."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from typing_extensions import override

from tests.servers.ports import HOST

LONGEST = 10_000


@contextmanager
def start_socketmap(look_up: Callable[[str], str | None]) -> Iterator[int]:
    """Answer Postfix's look-ups until the block ends, and yield the port they go to.

    Args:
        look_up: returns the value for a key, or None; it is called in other threads.
    """

    class Handler(socketserver.StreamRequestHandler):
        @override
        def handle(self) -> None:
            while (question := self._read()) is not None:
                value = look_up(question.partition(" ")[2])
                answer = ("NOTFOUND " if value is None else f"OK {value}").encode()
                self.wfile.write(b"%d:%s," % (len(answer), answer))

        def _read(self) -> str | None:
            """Return the next question, a netstring, or None at the end."""
            digits = b""
            while (digit := self.rfile.read(1)).isdigit() and int(digits + digit) < LONGEST:
                digits += digit
            if digit != b":":
                return None
            return self.rfile.read(int(digits) + 1)[:-1].decode()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()

"""An OAuth 2 token introspection endpoint (RFC 7662) for the mail server to ask."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from tests.servers.ports import HOST


@dataclass(kw_only=True)
class Introspection:
    """Which tokens are good now; change ``tokens`` to let one expire or to issue another."""

    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address to send a token to."""
        return f"http://{HOST}:{self.port}/introspect"

    def answer(self, token: str) -> dict[str, str | bool]:
        """Return what the endpoint says about a token."""
        self.asked.append(token)
        user = self.tokens.get(token)
        return {"active": False} if user is None else {"active": True, "email": user}


@contextmanager
def start_introspection(tokens: dict[str, str] | None = None) -> Iterator[Introspection]:
    """Serve introspection until the block ends.

    Args:
        tokens: the user that each good token stands for.
    """
    state = Introspection(port=0, tokens=dict(tokens or {}))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            token = urllib.parse.parse_qs(body).get("token", [""])[0]
            answer = json.dumps(state.answer(token)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet: a test's output is for its failures."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()

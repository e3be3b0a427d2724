"""pymap: an IMAP server from PyPI, for machines where Dovecot cannot be installed.

It has IDLE, UIDPLUS and MOVE, one user, and keeps mail in memory.
"""

from __future__ import annotations

import imaplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.servers.ports import HOST, free_port, greets
from tests.servers.processes import private_folder, running

MAIN = "import sys; from pymap.main import main; sys.exit(main())"


@dataclass(frozen=True, kw_only=True)
class Pymap:
    """A running pymap with an INBOX and the folders of its demonstration data."""

    imap_port: int
    user: str = "gateway"
    password: str = "secret"

    def log_in(self) -> imaplib.IMAP4:
        """Return a blocking IMAP client that is logged in; the caller logs it out."""
        client = imaplib.IMAP4(HOST, self.imap_port, timeout=10)
        client.login(self.user, self.password)
        return client

    def append(self, *messages: bytes, mailbox: str = "INBOX") -> None:
        """Put messages into a mailbox over IMAP."""
        client = self.log_in()
        for message in messages:
            client.append(mailbox, None, None, message)
        client.logout()


@contextmanager
def start_pymap() -> Iterator[Pymap]:
    """Run a pymap until the block ends."""
    with private_folder("pymap") as folder:
        server = Pymap(imap_port=free_port())
        demo = ["dict", "--demo-data", "--demo-user", server.user]
        with running(
            [
                *(sys.executable, "-c", MAIN, "--host", HOST, "--port", str(server.imap_port)),
                *("--no-tls", *demo, "--demo-password", server.password),
            ],
            log=folder / "log",
            ready=lambda: greets(server.imap_port, b"* OK"),
        ):
            yield server

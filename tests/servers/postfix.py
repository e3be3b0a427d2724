"""A real Postfix with a configuration, spool and log of its own. It must be started as root."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.ports import HOST, free_port, greets
from tests.servers.processes import private_folder, run, running
from tests.servers.socketmap import start_socketmap

OWNER = "postfix"
DAEMONS = "/usr/lib/postfix/sbin"
HOSTNAME = "mx.example.org"

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = {owner}
setgid_group = postdrop
myhostname = {hostname}
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = socketmap:inet:{host}:{table}:routes
transport_maps = socketmap:inet:{host}:{table}:routes
default_transport = error:no mail leaves this machine
alias_maps =
alias_database =
local_recipient_maps =
smtputf8_enable = yes
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
smtp_host_lookup = native
message_size_limit = 52428800
minimal_backoff_time = 1s
maximal_backoff_time = 3s
queue_run_delay = 1s
bounce_size_limit = 4096
"""

MASTER = """\
{host}:{port} inet n - n - - smtpd
pickup    unix  n  -  n  60     1  pickup
cleanup   unix  n  -  n  -      0  cleanup
qmgr      unix  n  -  n  300    1  qmgr
rewrite   unix  -  -  n  -      -  trivial-rewrite
bounce    unix  -  -  n  -      0  bounce
defer     unix  -  -  n  -      0  bounce
trace     unix  -  -  n  -      0  bounce
verify    unix  -  -  n  -      1  verify
flush     unix  n  -  n  1000?  0  flush
proxymap  unix  -  -  n  -      -  proxymap
smtp      unix  -  -  n  -      -  smtp
relay     unix  -  -  n  -      -  smtp
lmtp      unix  -  -  n  -      -  lmtp
showq     unix  n  -  n  -      -  showq
error     unix  -  -  n  -      -  error
retry     unix  -  -  n  -      -  error
discard   unix  -  -  n  -      -  discard
anvil     unix  -  -  n  -      1  anvil
scache    unix  -  -  n  -      1  scache
postlog   unix-dgram n - n -    1  postlogd
"""


@dataclass(frozen=True, kw_only=True)
class Postfix:
    """A running mail server that relays for the domains in ``routes`` and refuses all others."""

    folder: Path
    port: int
    routes: dict[str, str]

    def route(self, domain: str, protocol: str, port: int) -> None:
        """Send the mail of a domain to a loopback port from now on.

        Args:
            domain: for example ``example.org``.
            protocol: ``lmtp`` or ``smtp``.
            port: where that protocol is spoken on the loopback interface.
        """
        known = domain in self.routes
        self.routes[domain] = f"{protocol}:[{HOST}]:{port}"
        if known:
            # Its queue manager remembers for a while where an address went.
            run(["postfix", "-c", str(self.folder / "etc"), "reload"])

    def queue(self) -> list[dict[str, Any]]:
        """Return the messages that wait, with the reason of the last delay of each recipient."""
        listing = run(["postqueue", "-c", str(self.folder / "etc"), "-j"])
        return [json.loads(line) for line in listing.splitlines()]

    def flush(self) -> None:
        """Try every waiting message again at once."""
        run(["postqueue", "-c", str(self.folder / "etc"), "-f"])

    def log(self) -> str:
        """Return the mail log."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def start_postfix(routes: Mapping[str, tuple[str, int]] | None = None) -> Iterator[Postfix]:
    """Run a Postfix until the block ends.

    Args:
        routes: for each domain, ``("lmtp" or "smtp", loopback port)``; more can be added later.
    """
    known: dict[str, str] = {}

    def look_up(key: str) -> str | None:
        """Find a domain, or the domain of an address: Postfix asks a socket table for both."""
        return known.get(key.rpartition("@")[2].lower())

    with private_folder("postfix") as folder, start_socketmap(look_up) as table:
        server = Postfix(folder=folder, port=free_port(), routes=known)
        for name in ("etc", "spool", "data"):
            (folder / name).mkdir()
        account = pwd.getpwnam(OWNER)
        (folder / "data").chmod(0o700)
        os.chown(folder / "data", account.pw_uid, -1)
        main = MAIN.format(
            folder=folder, host=HOST, owner=OWNER, hostname=HOSTNAME, daemons=DAEMONS, table=table
        )
        (folder / "etc" / "main.cf").write_text(main)
        (folder / "etc" / "master.cf").write_text(MASTER.format(host=HOST, port=server.port))
        for domain, (protocol, port) in (routes or {}).items():
            server.routes[domain] = f"{protocol}:[{HOST}]:{port}"
        run(["postfix", "-c", str(folder / "etc"), "check"])
        # `postfix start-fg` would leave its master in a session of its own, out of reach.
        with running(
            [f"{DAEMONS}/master", "-c", str(folder / "etc"), "-s"],
            log=folder / "output",
            ready=lambda: greets(server.port, b"220 "),
        ):
            yield server

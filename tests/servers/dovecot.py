"""A real Dovecot: IMAP and LMTP on loopback ports, TLS and OAuth 2 where asked for.

Any user name logs in with the password ``secret``, and has a mailbox of its own.
"""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Certificate, make_certificate
from tests.servers.introspection import Introspection, start_introspection
from tests.servers.ports import HOST, free_port, greets
from tests.servers.processes import ServerError, private_folder, run, running, wait_until

PASSWORD = "secret"
STOP_SECONDS = 1.5  # its login processes take five where a connection has just been closed
POOR_CAPABILITIES = "IMAP4rev1 LITERAL+ CHILDREN NAMESPACE"


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """A running server. ``certificate`` and ``introspection`` are there where they were asked for."""

    folder: Path
    imap_port: int
    imaps_port: int
    lmtp_port: int
    password: str = PASSWORD
    certificate: Certificate | None = None
    introspection: Introspection | None = None

    def doveadm(self, *arguments: str) -> str:
        """Run Dovecot's own administration command on this server and return its output."""
        return run(["doveadm", "-c", str(self.folder / "dovecot.conf"), *arguments])

    def disconnect(self, user: str) -> None:
        """Close every connection of a user from the server's side; each is told ``* BYE``.

        Raises:
            ServerError: nobody of that name is logged in.
        """
        # A login is listed a moment after its client has been told of it.
        if not wait_until(lambda: user in self.doveadm("who").split(), seconds=5):
            raise ServerError(f"{user} is not logged in")
        self.doveadm("kick", user)

    def maildir(self, user: str) -> Path:
        """Return the folder that holds a user's mail."""
        return self.folder / "mail" / user

    def forget_uids(self, user: str, mailbox: str = "INBOX") -> None:
        """Give a mailbox a new UIDVALIDITY, as a restore from a backup does (RFC 9051, 2.3.1.1)."""
        before = self.uidvalidity(user, mailbox)
        self.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(before + 1), mailbox)

    def uidvalidity(self, user: str, mailbox: str = "INBOX") -> int:
        """Return a mailbox's UIDVALIDITY."""
        answer = self.doveadm("mailbox", "status", "-u", user, "uidvalidity", mailbox)
        return int(answer.rpartition("=")[2])

    def log_in(self, user: str) -> imaplib.IMAP4:
        """Return a blocking IMAP client that is logged in; the caller logs it out."""
        client = imaplib.IMAP4(HOST, self.imap_port, timeout=10)
        client.login(user, self.password)
        return client

    def append(self, user: str, *messages: bytes, mailbox: str = "INBOX") -> None:
        """Put messages into a mailbox over IMAP."""
        client = self.log_in(user)
        for message in messages:
            client.append(mailbox, None, None, message)
        client.logout()

    def messages(self, user: str, mailbox: str = "INBOX") -> list[bytes]:
        """Return the raw messages in a mailbox, oldest first, without marking them as seen."""
        client = self.log_in(user)
        try:
            _, count = client.select(f'"{mailbox}"', readonly=True)
            if count == [b"0"]:
                return []
            _, found = client.fetch("1:*", "(BODY.PEEK[])")
        finally:
            client.logout()
        return [part[1] for part in found if isinstance(part, tuple)]


def _accounts() -> tuple[str, str]:
    """Return the users that Dovecot drops to, and that own the mail."""
    if os.geteuid() == 0:
        return "dovecot", "dovenull"
    own = pwd.getpwuid(os.geteuid()).pw_name
    return own, own


def _configuration(server: Dovecot, *, poor: bool) -> str:
    internal, login = _accounts()
    mechanisms = "plain login" + (" xoauth2 oauthbearer" if server.introspection else "")
    parts = [
        f"""\
base_dir = {server.folder}/run
state_dir = {server.folder}/state
instance_name = {server.folder.name}
log_path = {server.folder}/log
protocols = imap lmtp
listen = {HOST}
default_internal_user = {internal}
default_login_user = {login}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {internal}
mail_gid = {_group(internal)}
mail_location = maildir:{server.folder}/mail/%u
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={internal} gid={_group(internal)} home={server.folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {server.imap_port}
  }}
  inet_listener imaps {{
    port = {server.imaps_port if server.certificate else 0}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = {HOST}
    port = {server.lmtp_port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.org
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Processed {{
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = subscribe
  }}
}}
"""
    ]
    if server.certificate:
        parts.append(f"ssl = yes\nssl_cert = <{server.certificate.certificate}\n")
        parts.append(f"ssl_key = <{server.certificate.key}\n")
    else:
        parts.append("ssl = no\n")
    if poor:
        parts.append(f"protocol imap {{\n  imap_capability = {POOR_CAPABILITIES}\n}}\n")
    if server.introspection:
        parts.append(
            "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
            f"  args = {server.folder}/oauth2.conf.ext\n}}\n"
        )
    return "".join(parts)


def _group(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def _oauth2(introspection: Introspection) -> str:
    return (
        "introspection_mode = post\n"
        f"introspection_url = {introspection.url}\n"
        "username_attribute = email\n"
        "active_attribute = active\n"
        "active_value = true\n"
    )


@contextmanager
def start_dovecot(
    *,
    poor: bool = False,
    tls: bool = False,
    expired: bool = False,
    tokens: dict[str, str] | None = None,
) -> Iterator[Dovecot]:
    """Run a Dovecot until the block ends.

    Args:
        poor: advertise neither IDLE nor MOVE nor UIDPLUS.
        tls: serve IMAP over TLS on ``imaps_port`` too, and STARTTLS on ``imap_port``.
        expired: let the certificate be one that ran out yesterday; implies ``tls``.
        tokens: take XOAUTH2 and OAUTHBEARER, with the user that each good token stands for;
            the running server's ``introspection.tokens`` can be changed.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(private_folder("dovecot"))
        server = Dovecot(
            folder=folder,
            imap_port=free_port(),
            imaps_port=free_port(),
            lmtp_port=free_port(),
            certificate=make_certificate(folder, expired=expired) if tls or expired else None,
            introspection=None
            if tokens is None
            else stack.enter_context(start_introspection(tokens)),
        )
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
        if os.geteuid() == 0:
            account = pwd.getpwnam(_accounts()[0])
            os.chown(folder / "mail", account.pw_uid, account.pw_gid)
        (folder / "dovecot.conf").write_text(_configuration(server, poor=poor))
        if server.introspection:
            (folder / "oauth2.conf.ext").write_text(_oauth2(server.introspection))
        stack.enter_context(
            running(
                ["dovecot", "-F", "-c", str(folder / "dovecot.conf")],
                log=folder / "output",
                ready=lambda: (
                    greets(server.imap_port, b"* OK") and greets(server.lmtp_port, b"220 ")
                ),
                stop_seconds=STOP_SECONDS,
            )
        )
        yield server

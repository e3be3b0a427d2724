"""Settings of a mailbox."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway import Secret

MIB = 1 << 20
MailAddress = Annotated[
    str,
    Meta(
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
        extra={"expects": "a mail address such as support@example.com"},
    ),
]


class OAuthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access tokens in place of a password."""

    provider: Annotated[
        Literal["gmail", "microsoft365", "other"], Meta(description="Whose tokens they are.")
    ]
    client_id: Annotated[str, Meta(description="The application registered at the provider.")]
    client_secret: Annotated[Secret, Meta(description="Its secret.")] = Secret("")
    refresh_token: Annotated[
        Secret,
        Meta(description="From the consent of the mailbox's owner; empty for app-only access."),
    ] = Secret("")
    directory: Annotated[
        str, Meta(description="Microsoft 365 directory (tenant) id; common for any.")
    ] = "common"
    token_url: Annotated[str, Meta(description="Token endpoint, for other providers.")] = ""
    scope: Annotated[str, Meta(description="Scope, for other providers.")] = ""


class ImapSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail in, by reading a mailbox."""

    host: Annotated[str, Meta(min_length=1, description="IMAP server.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 993
    tls: Annotated[
        Literal["implicit", "none"],
        Meta(description="implicit encrypts; none is for a server on this very machine."),
    ] = "implicit"
    ca_file: Annotated[str, Meta(description="Further authority for its certificate.")] = ""
    user: Annotated[str, Meta(min_length=1, description="User name at the server.")]
    password: Annotated[Secret, Meta(description="Password, unless oauth is set.")] = Secret("")
    folder: Annotated[str, Meta(min_length=1, description="Folder to read.")] = "INBOX"
    first: Annotated[
        Literal["all", "new"],
        Meta(description="The first time: take what lies there (all) or only what comes (new)."),
    ] = "all"
    after: Annotated[
        Literal["keep", "seen", "keyword", "move"],
        Meta(
            description="What to do with a mail that was taken: keep it as it is, mark it seen, set "
            "the keyword $GatewayTaken, or move it to the processed folder."
        ),
    ] = "keyword"
    processed: Annotated[str, Meta(description="Folder for after = move.")] = "Processed"
    poll_seconds: Annotated[
        float, Meta(ge=1, description="How often it is looked at besides push, in seconds.")
    ] = 120.0
    timeout: Annotated[float, Meta(gt=0, description="Silence that counts as lost, seconds.")] = (
        30.0
    )


class ListenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail in, from a mail server beside the gateway."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port; 0 lets the system choose.")] = 8024
    protocol: Annotated[
        Literal["lmtp", "smtp"], Meta(description="What the mail server speaks to us.")
    ] = "lmtp"
    any_recipient: Annotated[
        bool,
        Meta(description="Take mail to every address, not only to this mailbox and its aliases."),
    ] = False

    def __post_init__(self) -> None:
        """Refuse a host that is neither an address nor a name.

        Raises:
            ValueError: with what was expected.
        """
        if re.fullmatch(r"[0-9.]+", self.host) and not _is_address(self.host):
            raise ValueError("host to be an address of this machine, or a name")


class SmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail out, through a relay."""

    host: Annotated[str, Meta(min_length=1, description="Relay.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 587
    tls: Annotated[
        Literal["starttls", "implicit", "none"],
        Meta(description="starttls and implicit encrypt; none is for this very machine."),
    ] = "starttls"
    ca_file: Annotated[str, Meta(description="Further authority for its certificate.")] = ""
    user: Annotated[str, Meta(description="User name; empty if none is needed.")] = ""
    password: Annotated[Secret, Meta(description="Password, unless oauth is set.")] = Secret("")
    helo: Annotated[str, Meta(description="What the gateway calls itself.")] = "localhost"
    connections: Annotated[int, Meta(ge=1, le=20, description="Connections at a time.")] = 2
    timeout: Annotated[float, Meta(gt=0, description="Silence that counts as lost, seconds.")] = (
        60.0
    )


class EmailSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox: how mail comes in and how it goes out."""

    address: Annotated[
        MailAddress,
        Meta(description="The mailbox's address.", examples=["support@example.com"]),
    ]
    name: Annotated[str, Meta(description="Name shown beside the address.")] = ""
    aliases: Annotated[
        tuple[MailAddress, ...], Meta(description="Further addresses that reach this mailbox.")
    ] = ()
    separator: Annotated[
        Literal["+", "-"], Meta(description="What begins an extension of the address.")
    ] = "+"
    catch_all: Annotated[
        str,
        Meta(
            description="A domain all of whose addresses reach this mailbox, for reply addresses."
        ),
    ] = ""
    trusted_authserv_ids: Annotated[
        tuple[str, ...],
        Meta(
            description="Names under which our own border writes Authentication-Results (RFC 8601); "
            "all others are ignored.",
            examples=[["mx.example.com"]],
        ),
    ] = ()
    max_bytes: Annotated[int, Meta(ge=1024, description="Largest mail taken whole, in bytes.")] = (
        30_000_000
    )
    lmtp: Annotated[ListenSettings | None, Meta(description="Mail in by LMTP or SMTP.")] = None
    imap: Annotated[ImapSettings | None, Meta(description="Mail in by IMAP.")] = None
    smtp: Annotated[SmtpSettings | None, Meta(description="Mail out by SMTP.")] = None
    oauth: Annotated[OAuthSettings | None, Meta(description="Access tokens for IMAP and SMTP.")] = (
        None
    )

    def __post_init__(self) -> None:
        """Refuse a mailbox that nothing comes into or goes out of, and a login without a secret.

        Raises:
            ValueError: with what was expected.
        """
        if self.lmtp is None and self.imap is None and self.smtp is None:
            raise ValueError("a way in or out: a table lmtp, imap or smtp")
        faults = [
            f"{name} to have a password for {server.user}, or a table oauth beside it"
            for name, server in (("imap", self.imap), ("smtp", self.smtp))
            if server is not None and server.user and not server.password and self.oauth is None
        ]
        if faults:
            raise ValueError("; ".join(faults))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

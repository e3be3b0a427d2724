"""What can go wrong with a mailbox, told apart by what must be done.

ImapError
├── ImapUnreachable          nobody answers there            → try again later
├── ImapConnectionLost       it answered, then it was gone   → connect again
├── ImapRefused              it said NO or BAD               → depends on the answer
├── ImapCertificateError     TLS refused its certificate     → the server's operator
├── ImapAuthenticationError  the password or token is wrong  → a person must act
└── ImapMisconfigured        our own settings cannot work    → a person must act
"""

from __future__ import annotations

from typing import ClassVar, Literal

Blame = Literal["operator", "provider"]


class ImapError(Exception):
    """A mailbox cannot be used; the text says where, why and what to do."""

    code: ClassVar[str] = "imap_error"
    retryable: ClassVar[bool] = True
    blame: ClassVar[Blame] = "provider"


class ImapUnreachable(ImapError):
    """No connection could be made."""

    code = "imap_unreachable"


class ImapConnectionLost(ImapError):
    """The connection ended or fell silent; it must be thrown away and made anew."""

    code = "imap_connection_lost"


class ImapRefused(ImapError):
    """The server answered NO or BAD to a command.

    Args:
        command: The command's name, without its arguments.
        answer: The server's own words.
    """

    code = "imap_refused"

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(f"the server refused {command}: {answer or '(no reason given)'}")
        self.command = command
        self.answer = answer


class ImapCertificateError(ImapError):
    """The server's TLS certificate is not to be trusted."""

    code = "imap_certificate"
    blame = "operator"


class ImapAuthenticationError(ImapError):
    """The server does not accept the password or the token."""

    code = "imap_authentication"
    retryable = False
    blame = "operator"


class ImapMisconfigured(ImapError):
    """The settings can never work with this server."""

    code = "imap_misconfigured"
    retryable = False
    blame = "operator"

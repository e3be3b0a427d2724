"""Where a reply token lives in a mail: in the address answers go to, and in our Message-ID. Embedding and finding only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

LONGEST_LOCAL_PART = 64
"""Octets before the @ (RFC 5321 section 4.5.3.1.1)."""

LONGEST_MESSAGE_ID = 60
"""Characters of our Message-ID, brackets included: longer ones are broken by common mail software when answered."""

_TOKEN = re.compile(r"[a-z2-7]+")
_MARK = r"r\.([a-z2-7]+)"
_BOUNCE_MARK = r"b\.([a-z2-7]+)\.([a-z0-9-]+)"
_MESSAGE_ID = re.compile(rf"<?{_MARK}\.([a-z0-9-]+)@([a-z0-9.-]+)>?")


class ReplyAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """How the reply addresses of one mailbox look.

    Args:
        mailbox: The mailbox itself, such as `support@example.com`.
        separator: What the mail server takes for the beginning of an extension, `+` or `-`.
        catch_all: A domain all of whose addresses reach the mailbox; when set, tokens go there: `r.TOKEN@DOMAIN`.
    """

    mailbox: str
    separator: Literal["+", "-"] = "+"
    catch_all: str = ""

    def with_token(self, token: str) -> str:
        """Return the address that carries a token.

        Raises:
            ValueError: The token is not lower-case base32, or the part before the @ would exceed 64 octets.
        """
        _require_token(token)
        local, _, domain = self.mailbox.rpartition("@")
        if self.catch_all:
            built, domain = f"r.{token}", self.catch_all
        else:
            built = f"{local}{self.separator}r.{token}"
        if len(built.encode()) > LONGEST_LOCAL_PART:
            raise ValueError(
                f"the reply address of {self.mailbox} has {len(built.encode())} octets before the @, and "
                f"{LONGEST_LOCAL_PART} are allowed; use a mailbox with a shorter name or a catch-all domain"
            )
        return f"{built}@{domain}"

    def token_in(self, address: str) -> str | None:
        """Return the token an address carries if it is a reply address of this mailbox, in any letter case."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        if self.catch_all and domain == self.catch_all.lower():
            found = re.fullmatch(_MARK, local)
            return found[1] if found else None
        base, _, own = self.mailbox.lower().rpartition("@")
        if domain != own:
            return None
        found = re.fullmatch(re.escape(base + self.separator) + _MARK, local)
        return found[1] if found else None

    def for_bounces(self, message_id: str) -> str:
        """Return the envelope sender from which a bounce tells which of our mails it is about.

        Args:
            message_id: One of ours, as `message_id_with` makes it.
        """
        found = our_message_id(message_id, [message_id.rstrip(">").rpartition("@")[2]])
        if found is None:
            return self.mailbox
        mark = f"b.{found.token}.{found.suffix}"
        local, _, domain = self.mailbox.rpartition("@")
        if self.catch_all:
            return f"{mark}@{self.catch_all}"
        built = f"{local}{self.separator}{mark}"
        return f"{built}@{domain}" if len(built.encode()) <= LONGEST_LOCAL_PART else self.mailbox

    def bounced_id(self, address: str, domain: str) -> str | None:
        """Return the Message-ID that a bounce to one of our envelope senders is about."""
        local, _, found_domain = address.strip().strip("<>").lower().rpartition("@")
        base, _, own = self.mailbox.lower().rpartition("@")
        if self.catch_all and found_domain == self.catch_all.lower():
            found = re.fullmatch(_BOUNCE_MARK, local)
        elif found_domain == own:
            found = re.fullmatch(re.escape(base + self.separator) + _BOUNCE_MARK, local)
        else:
            found = None
        return f"<r.{found[1]}.{found[2]}@{domain.lower()}>" if found else None

    def owns(self, address: str) -> bool:
        """Return whether mail to an address reaches this mailbox: itself, or itself with any extension."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        base, _, own = self.mailbox.lower().rpartition("@")
        if self.catch_all and domain == self.catch_all.lower():
            return True
        return domain == own and (local == base or local.startswith(base + self.separator))


def tokens_in(addresses: Iterable[str], mailboxes: Iterable[ReplyAddresses]) -> tuple[str, ...]:
    """Return each token that any address carries for any of the mailboxes, in the order of the addresses."""
    known = tuple(mailboxes)
    found = (mailbox.token_in(address) for address in addresses for mailbox in known)
    return tuple(dict.fromkeys(token for token in found if token is not None))


def message_id_with(token: str, suffix: str, domain: str) -> str:
    """Return our Message-ID: `<r.TOKEN.SUFFIX@DOMAIN>`.

    Args:
        token: Lower-case base32; a short one, since the whole is limited to 60 characters.
        suffix: Makes it unique, such as the delivery's id: lower-case letters, digits and hyphens.
        domain: The mail domain.

    Raises:
        ValueError: A part is not as above, or the whole is too long.
    """
    _require_token(token)
    built = f"<r.{token}.{suffix}@{domain.lower()}>"
    if _MESSAGE_ID.fullmatch(built) is None:
        raise ValueError(
            f"{suffix!r} and {domain!r} make no Message-ID; use letters, digits and hyphens"
        )
    if len(built) > LONGEST_MESSAGE_ID:
        raise ValueError(
            f"the Message-ID for {domain} would have {len(built)} characters, and {LONGEST_MESSAGE_ID} survive every "
            "mail program; use a shorter mail domain"
        )
    return built


class FoundMessageId(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our Message-IDs says."""

    token: str
    suffix: str


def our_message_id(message_id: str, domains: Iterable[str]) -> FoundMessageId | None:
    """Return what a Message-ID says if it has the form of ours and one of our domains; nothing is proven by that."""
    found = _MESSAGE_ID.fullmatch(message_id.strip().lower())
    if found is None or found[3] not in {domain.lower() for domain in domains}:
        return None
    return FoundMessageId(token=found[1], suffix=found[2])


def _require_token(token: str) -> None:
    if _TOKEN.fullmatch(token) is None:
        raise ValueError("a token is made of the letters a-z and the digits 2-7")

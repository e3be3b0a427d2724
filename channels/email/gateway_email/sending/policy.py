"""The standard library's mail policy, with the headers that carry a conversation folded correctly.

The stock policies encode identifiers of more than about 65 characters in References and In-Reply-To, which other mail
programs then drop (every identifier of Microsoft 365 is longer), lose blanks between the words of long subjects, and
let a line break hidden in an encoded word reach the wire. The headers named here are folded by our own rules instead.
"""

from __future__ import annotations

from email.policy import EmailPolicy
from typing import Any

from gateway_email.sending.headers import Folded, fold_message_ids, fold_text

_IDENTIFIERS = frozenset({"message-id", "in-reply-to", "references", "content-id"})
_TEXTS = frozenset({"subject"})


class OutgoingPolicy(EmailPolicy):
    """Fold identifiers and subjects by our own rules, and pass on what is `Folded` already."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Prepare a value for the wire as it is set."""
        if isinstance(value, Folded):
            return name, value
        if name.lower() in _IDENTIFIERS:
            return name, fold_message_ids(name, [str(value)])
        if name.lower() in _TEXTS:
            return name, fold_text(name, str(value))
        return super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """Return a value as it is read."""
        return (
            value.unfolded if isinstance(value, Folded) else super().header_fetch_parse(name, value)
        )

    def fold(self, name: str, value: Any) -> str:
        """Return the header's lines."""
        if isinstance(value, Folded):
            return f"{name}: {value}{self.linesep}"
        lines: str = super().fold(name, value)
        return lines

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header's lines in octets; UTF-8 only where an address needs it (RFC 6532)."""
        if isinstance(value, Folded):
            return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")
        return super().fold_binary(name, value)


OUTGOING = OutgoingPolicy(
    linesep="\r\n", max_line_length=76, cte_type="7bit", raise_on_defect=False
)

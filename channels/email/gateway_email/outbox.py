"""Replies as mails: composed with threading and reply token, and their outcome told."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway import Address, Deferred, RecipientOutcome, Rejected, Reply, Sent
from gateway_email.reading.html_cost import is_cheap
from gateway_email.reading.markup import bare_words, safe_html
from gateway_email.sending import (
    Outgoing,
    OutgoingFile,
    Party,
    SendReport,
    compose,
    envelope_of,
)
from gateway_email.sending.compose import ComposeError
from gateway_email.tokens import ReplyAddresses, message_id_with


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """A mail ready to be handed over."""

    raw: bytes
    envelope_from: str
    recipients: tuple[str, ...]
    message_id: str


def reply_message_id(reply: Reply, addresses: ReplyAddresses) -> str:
    """The Message-ID of a reply: the same for every attempt."""
    domain = addresses.mailbox.rpartition("@")[2]
    suffix = reply.delivery.removeprefix("dlv_")
    try:
        return message_id_with(reply.short_token, suffix, domain)
    except ValueError:
        # A long domain leaves no room: the address still carries the token.
        return f"<{suffix}@{domain.lower()}>"


def compose_reply(
    reply: Reply,
    files: Sequence[bytes | None],
    *,
    addresses: ReplyAddresses,
    name: str,
    instance: str,
) -> Composed:
    """Compose a reply.

    Args:
        files: the attachments' bytes, None for one whose content is gone.

    Raises:
        Rejected: it cannot be made a mail.
    """
    people = [person for person in reply.recipients if person.address.scheme == "email"]
    if not people:
        raise Rejected("it has no receiver with a mail address", code="no_receiver")
    message_id = reply_message_id(reply, addresses)
    shown = f"{reply.author} ({name})" if reply.author and name else reply.author or name
    to, *others = [Party(address=p.address.value, name=p.address.name) for p in people]
    outgoing = Outgoing(
        sender=Party(address=addresses.mailbox, name=shown),
        to=(to,), cc=tuple(others),
        reply_to=Party(address=addresses.with_token(reply.token), name=name),
        envelope_from="" if reply.automatic else addresses.for_bounces(message_id),
        subject=reply.subject or "(no subject)", message_id=message_id,
        in_reply_to=reply.in_reply_to, references=reply.references, date=reply.made_at,
        text=_with_missing(reply, files), html=_safe(reply.html),
        files=tuple(
            OutgoingFile(
                name=a.name, media_type=a.media_type, data=data, content_id=a.content_id,
                inline=a.inline,
            )
            for a, data in zip(reply.attachments, files, strict=True)
            if data is not None
        ),
        automatic="auto-replied" if reply.automatic else "",
        loop_id=instance if reply.automatic else "",
    )  # fmt: skip
    try:
        raw = compose(outgoing)
    except ComposeError as error:
        raise Rejected(f"it cannot be made a mail: {error}", code="compose") from error
    envelope_from, recipients = envelope_of(outgoing)
    return Composed(
        raw=raw, envelope_from=envelope_from, recipients=tuple(recipients), message_id=message_id
    )


def _safe(html: str) -> str | None:
    """The html as a customer's mail program may get it: a ticket system is not trusted blindly."""
    if not html:
        return None
    return safe_html(html) if is_cheap(html) else bare_words(html)


def _with_missing(reply: Reply, files: Sequence[bytes | None]) -> str:
    """The text, which says so where an attachment could not be sent along."""
    missing = [a.name for a, data in zip(reply.attachments, files, strict=True) if data is None]
    if not missing:
        return reply.text
    return f"{reply.text}\n\n[not attached: {', '.join(missing)}]"


def outcome(composed: Composed, report: SendReport) -> Sent:
    """What became of a mail, from the relay's answers for each receiver.

    Raises:
        Rejected: nobody will get it.
        Deferred: nobody got it yet.
    """
    accepted = report.having("accepted")
    if not accepted:
        temporary = report.having("temporary")
        told = "; ".join(f"{to}: {one.code} {one.text}" for to, one in report.outcomes.items())
        if temporary:
            raise Deferred(f"the relay will take it later: {told}", code="deferred")
        raise Rejected(f"the relay refused every receiver: {told}", code="refused")
    return Sent(
        external_ids=(composed.message_id,),
        state="sent",
        recipients=tuple(
            RecipientOutcome(
                address=Address(scheme="email", value=to), accepted=one.state == "accepted",
                code=str(one.code), text=one.text,
            )
            for to, one in report.outcomes.items()
        ),
    )  # fmt: skip

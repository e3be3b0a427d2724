"""From a mail's bytes to drafts and receipts: pure, and run in a worker process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from gateway import (
    Address,
    Arrival,
    Draft,
    DraftAttachment,
    DraftParticipant,
    Ignored,
    Parsed,
    Proof,
    Receipt,
    ThreadRef,
    Trust,
    UnreadableArrival,
)
from gateway_email.loops import AnswerCase, may_answer
from gateway_email.reading import Limits, Mail, read_mail
from gateway_email.tokens import ReplyAddresses, our_message_id, tokens_in

Automated = Literal["none", "auto_reply", "out_of_office", "bounce", "list", "notification"]
AUTOMATED: dict[str, Automated] = {
    "person": "none", "auto_reply": "auto_reply", "out_of_office": "out_of_office",
    "bounce": "bounce", "list": "list", "notification": "notification",
    "feedback": "notification",
}  # fmt: skip
LARGEST_SHOWN = 64


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be known of a mailbox to read its mail; plain data, so that it can be pickled.

    Args:
        own: every address of the gateway, of any channel and tenant, in lower case.
    """

    addresses: ReplyAddresses
    aliases: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    trusted_authserv_ids: tuple[str, ...] = ()
    max_bytes: int = 30_000_000

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.addresses.mailbox.rpartition("@")[2].lower()

    def is_ours(self, address: str) -> bool:
        """Whether mail to an address reaches any mailbox of the gateway."""
        plain = address.strip().lower()
        local, _, domain = plain.rpartition("@")
        base = local.partition("+")[0]
        return (
            plain in self.own or f"{base}@{domain}" in self.own or self.addresses.owns(plain)
            or plain in self.aliases
        )  # fmt: skip


def read_arrival(mailbox: Mailbox, arrival: Arrival) -> Sequence[Parsed]:
    """Read one mail.

    Raises:
        UnreadableArrival: it goes in circles.
    """
    limits = Limits(raw_bytes=mailbox.max_bytes)
    mail = read_mail(arrival.body, limits=limits, trusted_authserv_ids=mailbox.trusted_authserv_ids)
    envelope = arrival.remote.get("rcpt_to", [])
    reached = [str(address) for address in envelope] + [a.addr for a in mail.delivered_to]
    if _is_own(mail, mailbox):
        return [Ignored(reason="our own mail came back (a copy of what we sent, or a list's echo)")]
    receipts = _receipts(mail, mailbox, reached)
    if receipts:
        return receipts
    return [_draft(mail, arrival, mailbox, reached)]


def _with_return_path(arrival: Arrival) -> bytes:
    """The mail as final delivery makes it: with the envelope sender (RFC 5321 section 4.4)."""
    sender = arrival.remote.get("mail_from")
    if not isinstance(sender, str) or not sender.isascii() or "\n" in sender or "\r" in sender:
        return arrival.body
    return b"Return-Path: <%s>\r\n%s" % (sender.encode(), arrival.body)


def _is_own(mail: Mail, mailbox: Mailbox) -> bool:
    if mail.from_ is None or mail.message_id is None or not mailbox.is_ours(mail.from_.addr):
        return False
    return our_message_id(mail.message_id, [mailbox.domain]) is not None


def _receipts(mail: Mail, mailbox: Mailbox, reached: Sequence[str]) -> list[Parsed]:
    """Receipts of a bounce that is about a mail of ours; none if it is about anything else."""
    if mail.kind != "bounce":
        return []
    named = [mailbox.addresses.bounced_id(address, mailbox.domain) for address in reached]
    if mail.bounce is not None and mail.bounce.original_message_id:
        named.append(mail.bounce.original_message_id)
    ids = tuple(dict.fromkeys(filter(None, named)))
    if not any(our_message_id(one, [mailbox.domain]) for one in ids):
        return []
    recipients = mail.bounce.recipients if mail.bounce is not None else ()
    hard = mail.bounce is not None and mail.bounce.hard
    if not recipients:
        return [
            Receipt(
                external_ids=ids, state="failed", permanent=hard, text=_short(mail.text),
                at=mail.date,
            )
        ]  # fmt: skip
    return [
        Receipt(
            external_ids=ids,
            recipient=Address(scheme="email", value=one.address.lower()),
            state="failed" if one.action != "delivered" else "delivered",
            permanent=one.status.startswith("5") if one.status else hard,
            code=one.status, text=one.diagnostic or _short(mail.text), at=mail.date,
        )
        if one.action not in ("delayed", "relayed", "expanded")
        else Ignored(reason=f"a mail server tells that a mail is {one.action}: {one.diagnostic}")
        for one in recipients
    ]  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:500]}…"


def _draft(mail: Mail, arrival: Arrival, mailbox: Mailbox, reached: Sequence[str]) -> Draft:
    named = [address.addr for address in (*mail.to, *mail.cc)]
    envelope_sender = arrival.remote.get("mail_from")
    return_path = envelope_sender if isinstance(envelope_sender, str) else mail.return_path
    sender = mail.from_.addr if mail.from_ else (return_path or "")
    refusal = may_answer(
        AnswerCase(
            kind=mail.kind, suppress=mail.reasons if mail.suppress_auto_answer else (),
            return_path=return_path, sender=sender, named=named, is_ours=mailbox.is_ours,
            loop_ids=mail.loop_tokens, received=mail.received_count, verified=True,
        )
    )  # fmt: skip
    if refusal is not None and refusal.quarantine:
        raise UnreadableArrival(refusal.reason)
    author, proof, evidence = _author(mail, sender)
    references = tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))
    own_tokens = [
        found.token
        for native in references
        if (found := our_message_id(native, [mailbox.domain])) is not None
    ]
    tokens = (*tokens_in((*reached, *named), [mailbox.addresses]), *own_tokens)
    ours = dict.fromkeys(
        mailbox.addresses.mailbox.lower() if mailbox.addresses.token_in(a) else a.lower()
        for a in (*reached, *named)
        if mailbox.is_ours(a)
    )
    root = next(iter(mail.references or mail.in_reply_to), "") or mail.message_id
    return Draft(
        author=author, proof=proof, evidence=evidence, subject=mail.subject,
        text=_text(mail, arrival), quoted=mail.quoted, html=mail.html,
        attachments=_attachments(mail, arrival),
        participants=tuple(_others(mail, mailbox, sender)), recipients=tuple(ours),
        # Without an id it has a thread of its own, in which it can be answered.
        thread=ThreadRef(native_id=root or f"no-id/{arrival.sha256.hex()}"),
        tokens=tuple(dict.fromkeys(tokens)), references=references,
        in_reply_to=next(iter(mail.in_reply_to), ""),
        external_ids=(mail.message_id,) if mail.message_id else (),
        same_as=(_content_key(mail),), sent_at=mail.date,
        automated=AUTOMATED[mail.kind],
        answerable=refusal is None, reasons=(refusal.reason,) if refusal else (),
        trust=Trust(
            spf=_verdict(mail.auth.spf), dkim=_verdict(mail.auth.dkim),
            dmarc=_verdict(mail.auth.dmarc), authority=mail.auth.authserv_id,
            unverified=bool(mailbox.trusted_authserv_ids) and proof == "claimed",
        ),
        remarks=_remarks(mail, mailbox, sender), extra={"email": _facts(mail, arrival)},
    )  # fmt: skip


def _author(mail: Mail, sender: str) -> tuple[Address | None, Proof, str]:
    if not sender:
        return None, "claimed", ""
    name = mail.from_.name if mail.from_ else ""
    address = Address(scheme="email", value=sender.lower(), name=name)
    domain = sender.lower().rpartition("@")[2]
    authority = mail.auth.authserv_id
    if mail.auth.dmarc == "pass":
        return address, "asserted", f"DMARC passed at {authority}"
    if mail.auth.dmarc == "none" and mail.auth.dkim == "pass" and domain in mail.auth.dkim_domains:
        return address, "asserted", f"DKIM of {domain} passed at {authority}"
    if mail.auth.dmarc == "fail":
        return address, "claimed", f"DMARC failed at {authority}"
    return address, "claimed", "nothing proves the sender's address"


def _verdict(word: str) -> Literal["pass", "fail", "none"]:
    if word == "pass":
        return "pass"
    return "fail" if word in ("fail", "permerror") else "none"


def _text(mail: Mail, arrival: Arrival) -> str:
    size = arrival.remote.get("too_large")
    if size is None:
        return mail.text if mail.complete else f"{mail.text}\n{_unread(mail)}".strip()
    note = (
        f"[This mail has {int(size):,} bytes, which is over the limit: only its header was taken. "
        "The whole mail is still in the mailbox.]"
    )
    return f"{mail.text}\n{note}".strip()


def _unread(mail: Mail) -> str:
    why = "; ".join(mail.warnings) or "it is not built like a mail"
    return f"[Only the header of this mail could be read: {why}. All of it is in the attachment.]"


def _attachments(mail: Mail, arrival: Arrival) -> tuple[DraftAttachment, ...]:
    files = [
        DraftAttachment(
            name=part.name, media_type=part.media_type, data=part.data,
            content_id=part.content_id, inline=part.inline, mark=part.mark,
        )
        for part in mail.parts
    ]  # fmt: skip
    if arrival.remote.get("too_large") is not None:
        files.append(
            DraftAttachment(name="message.eml", media_type="message/rfc822", state="too_large")
        )
    return tuple(files)


def _others(mail: Mail, mailbox: Mailbox, sender: str) -> Iterable[DraftParticipant]:
    seen = {sender.lower()}
    for address in (*mail.to, *mail.cc):
        plain = address.addr.lower()
        if plain in seen or mailbox.is_ours(plain) or "@" not in plain:
            continue
        seen.add(plain)
        yield DraftParticipant(
            address=Address(scheme="email", value=plain, name=address.name), role="cc"
        )
        if len(seen) > LARGEST_SHOWN:
            return


def _remarks(mail: Mail, mailbox: Mailbox, sender: str) -> tuple[str, ...]:
    """That answers do not go to where the mail wants them: anybody could name any address there."""
    asked = [
        one.addr.lower()
        for one in mail.reply_to[:4]
        if "@" in one.addr and one.addr.lower() != sender.lower() and not mailbox.is_ours(one.addr)
    ]
    if not asked:
        return ()
    names = ", ".join(dict.fromkeys(asked))
    return (f"Its Reply-To asks for answers to {names}; they go to its sender, {sender.lower()}.",)


def _content_key(mail: Mail) -> str:
    """What is the same when one mail comes by two ways: its id with its content, or its content."""
    digest = hashlib.sha256()
    for word in (mail.subject, mail.full_text, mail.from_.addr.lower() if mail.from_ else ""):
        digest.update(word.encode("utf-8", "replace") + b"\0")
    for part in mail.parts:
        digest.update(hashlib.sha256(part.data).digest())
    name = mail.message_id or f"no-id/{mail.date}"
    return f"mail/{name}/{digest.hexdigest()}"


def _facts(mail: Mail, arrival: Arrival) -> dict[str, object]:
    return {
        "to": [address.addr for address in mail.to[:LARGEST_SHOWN]],
        "cc": [address.addr for address in mail.cc[:LARGEST_SHOWN]],
        "reply_to": [address.addr for address in mail.reply_to[:4]],
        "kind": mail.kind,
        "why_kind": list(mail.reasons),
        "warnings": list(mail.warnings),
        "cards": [part.card for part in mail.parts if part.card],
        "complete": mail.complete and arrival.remote.get("too_large") is None,
    }

"""Compose a mail that threads, shows and arrives as it was meant."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import format_datetime
from io import BytesIO
from typing import Any

from gateway_email.sending.headers import (
    Folded,
    fold_addresses,
    fold_message_ids,
    fold_text,
    message_ids,
    safe_text,
    wire_address,
)
from gateway_email.sending.outgoing import Outgoing, OutgoingFile, Party
from gateway_email.sending.policy import OUTGOING

REFERENCES = 20
"""Identifiers sent in References: the first, which names the thread, and the last nineteen."""

LOOP_HEADER = "X-Gateway-Loop"

_MEDIA_TYPE = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]{0,126})/([a-z0-9][a-z0-9!#$&^_.+-]{0,126})")
_NOT_IN_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")


class ComposeError(ValueError):
    """A mail cannot be composed from what was given; the text says from what and why."""


def compose(mail: Outgoing) -> bytes:
    """Return the mail as octets with CRLF line ends.

    The result depends on its input alone, boundaries included. It may take a second for 25 MB of attachments: call it
    in a thread for those.

    Raises:
        ComposeError: An address or the Message-ID is not valid, or there is no recipient.
    """
    headers = _headers(mail)
    utf8 = any(not value.isascii() for _, value in headers)
    message = EmailMessage(policy=OUTGOING.clone(utf8=True) if utf8 else OUTGOING)
    for name, value in headers:
        message[name] = value
    _fill(message, mail)
    _bound(message, mail.message_id)
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=message.policy).flatten(message)
    raw = out.getvalue()
    _check(raw, headers)
    return raw


def envelope_of(mail: Outgoing) -> tuple[str, tuple[str, ...]]:
    """Return the envelope: the sender for bounces and each recipient once.

    Raises:
        ComposeError: An address is not valid.
    """
    sender = _address(mail.envelope_from) if mail.envelope_from else ""
    recipients = dict.fromkeys(_address(party.address) for party in (*mail.to, *mail.cc))
    return sender, tuple(recipients)


def kept_references(references: Sequence[str], in_reply_to: str) -> list[str]:
    """Return the References of an answer: each once, the first kept, the one answered to last."""
    last = message_ids(in_reply_to)[:1]
    found = [one for one in dict.fromkeys(message_ids(" ".join(references))) if one not in last]
    found += last
    return found if len(found) <= REFERENCES else [found[0], *found[1 - REFERENCES :]]


def _headers(mail: Outgoing) -> list[tuple[str, Folded]]:
    if message_ids(mail.message_id) != [mail.message_id] or "@" not in mail.message_id:
        raise ComposeError(
            f"{mail.message_id!r} is no Message-ID; it must read <something@domain> in ASCII"
        )
    if not mail.to and not mail.cc:
        raise ComposeError("the mail has no recipient; name at least one in To or Cc")
    sender = mail.sender
    headers = [
        ("From", _parties("From", [sender])),
        ("To", _parties("To", mail.to)),
        ("Cc", _parties("Cc", mail.cc)),
        ("Reply-To", _parties("Reply-To", [mail.reply_to] if mail.reply_to else [])),
        ("Subject", fold_text("Subject", mail.subject)),
        ("Date", Folded(format_datetime(datetime.fromtimestamp(mail.date / 1000, UTC)))),
        ("Message-ID", Folded(mail.message_id)),
        ("In-Reply-To", fold_message_ids("In-Reply-To", message_ids(mail.in_reply_to)[:1])),
        (
            "References",
            fold_message_ids("References", kept_references(mail.references, mail.in_reply_to)),
        ),
    ]
    if mail.automatic:
        headers += [
            ("Auto-Submitted", Folded(mail.automatic)),
            ("X-Auto-Response-Suppress", Folded("All")),
            (LOOP_HEADER, fold_text(LOOP_HEADER, mail.loop_id)),
        ]
    return [(name, value) for name, value in headers if value]


def _parties(name: str, parties: Sequence[Party]) -> Folded:
    return fold_addresses(name, [(party.name, _address(party.address)) for party in parties])


def _address(address: str) -> str:
    try:
        return wire_address(address)
    except ValueError as error:
        raise ComposeError(str(error)) from None


def _fill(message: EmailMessage, mail: Outgoing) -> None:
    message.set_content(_body(mail.text))
    files = list(mail.files)
    if mail.html is not None:
        html = _body(mail.html)
        message.add_alternative(html, subtype="html")
        *_, page = message.iter_parts()
        assert isinstance(page, EmailMessage)
        shown = [file for file in files if file.inline and f"cid:{file.content_id}" in html]
        for file in shown:
            if _CONTENT_ID.fullmatch(file.content_id):
                page.add_related(
                    file.data, disposition="inline", cid=f"<{file.content_id}>", **_described(file)
                )
                files.remove(file)
    for file in files:
        message.add_attachment(file.data, **_described(file))


def _described(file: OutgoingFile) -> dict[str, Any]:
    found = _MEDIA_TYPE.fullmatch(file.media_type.strip().lower())
    main, sub = found.groups() if found else ("application", "octet-stream")
    if main in {
        "message",
        "multipart",
    }:  # they may not be base64 (RFC 2046), and must not be taken apart on the way
        main, sub = "application", "octet-stream"
    name = safe_text(file.name, limit=200).replace("/", "_").replace("\\", "_").strip(". ")
    return {"maintype": main, "subtype": sub, "filename": name or "attachment"}


def _body(text: str) -> str:
    """Return text with LF line ends and nothing that cannot be encoded or shown."""
    return _NOT_IN_TEXT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _bound(message: EmailMessage, message_id: str) -> None:
    """Give each multipart a boundary that follows from the Message-ID: a repetition is the same mail to the octet."""
    seed = hashlib.sha256(message_id.encode()).hexdigest()[:32]
    for place, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{place}_{seed}")


def _check(raw: bytes, headers: Sequence[tuple[str, Folded]]) -> None:
    """Read the headers back as a stranger would: exactly ours and the MIME ones, with our values."""
    block = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    read = BytesHeaderParser(policy=compat32).parsebytes(block)
    found = [
        (name, _one_line(value)) for name, value in read.raw_items() if name.lower() not in _MIME
    ]
    if found != [(name, _one_line(value)) for name, value in headers]:
        raise ComposeError(
            "the composed headers do not read back as they were given; the mail is not sent"
        )


_MIME = frozenset({"mime-version", "content-type", "content-transfer-encoding"})


def _one_line(value: str) -> str:
    octets = value.encode("utf-8", "surrogateescape").decode("utf-8")
    return octets.replace("\r\n ", " ")

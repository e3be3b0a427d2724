"""Read who did not get a mail and why (RFC 3464, and what servers write instead)."""

from __future__ import annotations

import re

from gateway_email.reading.bounce_words import recipients_in_words
from gateway_email.reading.encoded_words import decode_value
from gateway_email.reading.fields import Fields, read_fields
from gateway_email.reading.identifiers import read_identifier
from gateway_email.reading.limits import Limits, OverLimitError
from gateway_email.reading.mail import BouncedRecipient, BounceReport

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])[ -]")
_ID_LINE = re.compile(r"^[> \t]{0,4}Message-ID:\s*(<[^<>\s]{1,998}>)", re.IGNORECASE | re.MULTILINE)
_GROUPS = re.compile(rb"(?:\r?\n[ \t]*){2,}")
_MAX_STATUS_BYTES = 512_000
_MAX_RECIPIENTS = 500
_MAX_DIAGNOSTIC = 1_000
_VAGUE = frozenset({"", "5.0.0", "4.0.0"})
_RETURNED = {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}


def read_bounce(
    fields: Fields, reports: list[tuple[str, bytes]], text: str, limits: Limits
) -> BounceReport:
    """Return what a bounce says: recipients with status and words, and which mail came back.

    Reads delivery-status parts, X-Failed-Recipients, and the text of servers that send neither
    (qmail, exim, Exchange). A vague status gives way to the code in the server's own words.

    Args:
        fields: the header of the bounce.
        reports: report parts and returned mails, as (media type, content).
        text: the whole text of the bounce.
        limits: for the header of the returned mail.
    """
    recipients: list[BouncedRecipient] = []
    for media_type, data in reports:
        if media_type.endswith("delivery-status"):
            recipients += _status_groups(data[:_MAX_STATUS_BYTES], limits)
    if not recipients:
        failed = decode_value(fields.first("x-failed-recipients"))
        recipients = recipients_in_words(text, failed.replace(",", " ").split()[:_MAX_RECIPIENTS])
    recipients = [_with_status(one) for one in recipients[:_MAX_RECIPIENTS]]
    return BounceReport(
        recipients=tuple(recipients),
        hard=any(_is_hard(one) for one in recipients),
        original_message_id=_original_id(reports, text, limits),
    )


def only_delivered(report: BounceReport) -> bool:
    """Whether a delivery report tells of success or relay only, so that nothing came back."""
    done = {"delivered", "relayed", "expanded"}
    return bool(report.recipients) and all(one.action in done for one in report.recipients)


def _is_hard(one: BouncedRecipient) -> bool:
    return one.status.startswith("5") and one.action not in ("delayed", "delivered", "relayed", "expanded")  # fmt: skip


def _status_groups(data: bytes, limits: Limits) -> list[BouncedRecipient]:
    found: list[BouncedRecipient] = []
    for group in _GROUPS.split(data.strip())[: _MAX_RECIPIENTS + 1]:
        try:
            fields, _ = read_fields(group.strip() + b"\n", 0, len(group.strip()) + 1, limits)
        except OverLimitError:
            continue
        if "final-recipient" not in fields and "original-recipient" not in fields:
            continue
        address = _typed(fields.first("final-recipient")) or _typed(fields.first("original-recipient"))  # fmt: skip
        original = _typed(fields.first("original-recipient"))
        status = _ENHANCED.search(decode_value(fields.first("status")))
        found.append(
            BouncedRecipient(
                address=(original if "@" in original else address).strip("<> "),
                status=status.group(1) if status else "",
                action=decode_value(fields.first("action")).lower().partition(" ")[0][:20],
                diagnostic=_typed(fields.first("diagnostic-code"))[:_MAX_DIAGNOSTIC],
            )
        )
    return found


def _typed(value: bytes) -> str:
    """Return what follows ``type;`` in a field of a delivery status."""
    text = decode_value(value)
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and len(kind) < 20 else text


def _with_status(one: BouncedRecipient) -> BouncedRecipient:
    """Complete a vague status by what the diagnostic says."""
    status = one.status
    if status in _VAGUE or (status[2:] == "0.0" and len(status) == 5):
        better = _ENHANCED.search(one.diagnostic)
        if better is not None and not better.group(1).endswith(".0.0"):
            status = better.group(1)
        elif not status and (code := _REPLY_CODE.search(one.diagnostic + " ")):
            status = f"{code.group(1)}.0.0"
    action = one.action or ("delayed" if status.startswith("4") else "failed")
    status = status or ("4.0.0" if action == "delayed" else "5.0.0")
    return BouncedRecipient(
        address=one.address, status=status, action=action, diagnostic=one.diagnostic
    )


def _original_id(reports: list[tuple[str, bytes]], text: str, limits: Limits) -> str | None:
    for media_type, data in reports:
        if media_type in _RETURNED:
            head = data.lstrip(b"\r\n")
            try:
                fields, _ = read_fields(head, 0, len(head), limits)
            except OverLimitError:
                continue
            if found := read_identifier(decode_value(fields.first("message-id"))):
                return found
    match = _ID_LINE.search(text)
    return match.group(1) if match else None

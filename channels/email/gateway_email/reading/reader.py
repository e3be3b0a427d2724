"""Read a mail: bytes in, one value out."""

from __future__ import annotations

from collections.abc import Collection

from gateway_email.reading.addresses import read_addresses
from gateway_email.reading.authentication import read_verdict
from gateway_email.reading.bodies import gather
from gateway_email.reading.bounces import only_delivered, read_bounce
from gateway_email.reading.dates import read_date, received_date
from gateway_email.reading.encoded_words import decode_value, raw_text
from gateway_email.reading.fields import Fields, read_fields
from gateway_email.reading.identifiers import read_identifier, read_identifiers
from gateway_email.reading.kinds import Signs, judge
from gateway_email.reading.limits import Limits, OverLimitError
from gateway_email.reading.mail import Address, Mail, Part
from gateway_email.reading.safe_text import clean_line
from gateway_email.reading.structure import Entity, Tally, mended_lines, take_apart
from gateway_email.reading.words import Words, words_of

_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")
_LOOP_FIELD = "x-gateway-loop"
_MAX_SUBJECT = 2_000
_DEFAULT = Limits()
_MAX_DELIVERED_TO = 50


def read_mail(
    raw: bytes, *, limits: Limits = _DEFAULT, trusted_authserv_ids: Collection[str] = ()
) -> Mail:
    """Return what ``raw`` says.

    Never raises for any bytes, takes time in proportion to their length, and loses no part: what
    cannot be read is kept as an attachment. Beyond a limit only the header is read, ``complete`` is
    false and the whole mail is the one part ``message.eml``.

    Args:
        raw: the mail as it was received, any line ends.
        limits: bounds on sizes, counts and depth.
        trusted_authserv_ids: whose Authentication-Results count (RFC 8601 §5).
    """
    try:
        return _read(raw, limits, trusted_authserv_ids)
    except OverLimitError as over:
        return _header_only(raw, limits, trusted_authserv_ids, str(over))
    except Exception as fault:  # the promise not to raise holds for faults of this package, too
        return _header_only(
            raw, limits, trusted_authserv_ids, f"the mail could not be read: {fault!r}"
        )


def _read(raw: bytes, limits: Limits, trusted: Collection[str]) -> Mail:
    if len(raw) > limits.raw_bytes:
        raise OverLimitError(f"the mail is longer than {limits.raw_bytes} bytes")
    mended = mended_lines(raw)
    tally = Tally(limits)
    root = take_apart(mended, tally)
    gathered = gather(mended, root, limits)
    words = words_of(gathered, limits)
    return _assemble(
        root.fields, root, words, limits, trusted, [*tally.warnings, *gathered.warnings]
    )


def _header_only(raw: bytes, limits: Limits, trusted: Collection[str], why: str) -> Mail:
    """Return what the beginning of the header says, with the whole mail as an attachment."""
    head = mended_lines(raw[: limits.header_bytes])
    fields = Fields([])
    while head:
        try:
            fields, _ = read_fields(head, 0, len(head), limits)
            break
        except OverLimitError:  # too many fields: the first of them are enough
            head = head[: len(head) // 2]
    media_type = "message/rfc822"
    part = Part(name="message.eml", media_type=media_type, data=raw, mark="message")
    root = Entity(fields=fields, start=0, end=0, media_type="text/plain", params={})
    try:
        return _assemble(fields, root, Words(parts=(part,)), limits, trusted, [why], complete=False)
    except Exception:  # nothing of the header can be used: the bytes still can
        return Mail(parts=(part,), warnings=(clean_line(why),), complete=False)


def _assemble(
    fields: Fields,
    root: Entity,
    words: Words,
    limits: Limits,
    trusted: Collection[str],
    warnings: list[str],
    *,
    complete: bool = True,
) -> Mail:
    charset = root.fields.charset
    warnings = [*warnings, *words.warnings]
    lists = _Lists(fields, charset, limits, warnings)
    senders = lists.read("from")
    sender, reply_to = lists.read("sender"), lists.read("reply-to")
    from_ = next((one[0] for one in (senders, reply_to, sender) if one), None)
    if not senders and from_ is not None:
        warnings.append("the mail has no readable From: Reply-To or Sender was taken")
    headers = tuple((name, decode_value(value, charset)) for name, value in fields.items)
    subject = next((value for name, value in headers if name.lower() == "subject"), "")
    subject = subject[:_MAX_SUBJECT]
    return_path = _return_path(fields)
    judgement = judge(
        fields,
        Signs(
            subject=subject,
            from_addr=from_.addr if from_ else "",
            return_path=return_path,
            media_type=root.media_type,
            report_type=root.params.get("report-type", "").lower(),
            reports=tuple(kind for kind, _ in words.reports),
            text=words.full_text,
        ),
    )
    kind, bounce = judgement.kind, None
    if kind == "bounce":
        bounce = read_bounce(fields, words.reports, words.full_text, limits)
        if only_delivered(bounce):
            kind, bounce = "notification", None
    received = fields.every("received")
    return Mail(
        message_id=read_identifier(raw_text(fields.first("message-id"))),
        in_reply_to=read_identifiers(raw_text(fields.first("in-reply-to"))),
        references=read_identifiers(raw_text(fields.first("references"))),
        from_=from_,
        sender=sender,
        reply_to=reply_to,
        to=lists.read("to"),
        cc=lists.read("cc"),
        delivered_to=lists.delivered_to(),
        subject=subject,
        date=read_date(
            raw_text(fields.first("date")),
            received_date(raw_text(received[0])) if received else None,
        ),
        return_path=return_path,
        text=words.text,
        quoted=words.quoted,
        full_text=words.full_text,
        html=words.html,
        parts=words.parts,
        kind=kind,
        suppress_auto_answer=bool(judgement.reasons),
        reasons=judgement.reasons,
        bounce=bounce,
        auth=read_verdict(fields, trusted, _vouched_for(senders)),
        headers=headers,
        loop_tokens=tuple(decode_value(value) for value in fields.every(_LOOP_FIELD)),
        received_count=len(received),
        warnings=tuple(dict.fromkeys(map(clean_line, warnings))),
        complete=complete,
    )


class _Lists:
    """Reads address fields until the mail's limit on recipients is reached."""

    def __init__(self, fields: Fields, charset: str, limits: Limits, warnings: list[str]) -> None:
        self.fields = fields
        self.charset = charset
        self.limit = limits.recipients
        self.warnings = warnings

    def read(self, name: str) -> tuple[Address, ...]:
        values = self.fields.every(name)
        if not values:
            return ()
        text = ", ".join(raw_text(value, self.charset) for value in values)
        found = read_addresses(text, self.limit + 1)
        if len(found) > self.limit:
            self.warnings.append(f"only the first {self.limit} addresses in {name} were read")
        return found[: self.limit]

    def delivered_to(self) -> tuple[Address, ...]:
        found = [
            address
            for name in _DELIVERED_TO
            for value in self.fields.every(name)
            for address in read_addresses(raw_text(value, self.charset), _MAX_DELIVERED_TO)
        ]
        return tuple(dict.fromkeys(found))[:_MAX_DELIVERED_TO]


def _return_path(fields: Fields) -> str | None:
    """Return the envelope's sender: ``""`` for the null sender, None when it is not known."""
    if "return-path" not in fields:
        return None
    text = clean_line(raw_text(fields.first("return-path")))
    if text in ("<>", "", "<mailer-daemon>", "MAILER-DAEMON"):
        return ""
    found = read_addresses(text, 1)
    return found[0].addr if found else None


def _vouched_for(senders: tuple[Address, ...]) -> str:
    """The domain a DMARC result has to name; with several senders none of them is vouched for."""
    return senders[0].addr.rpartition("@")[2] if len(senders) == 1 else "?"

"""Reading what Twilio handed in: messages of SMS, MMS, WhatsApp and RCS, and delivery receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway import (
    Arrival,
    Draft,
    DraftAttachment,
    Ignored,
    Parsed,
    ThreadRef,
    Trust,
    UnreadableArrival,
)
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.optout import reason_of
from gateway_sms_voice.providers.twilio.fields import as_fields, media_of, moment, read_listed
from gateway_sms_voice.providers.twilio.receipts import read_status
from gateway_sms_voice.providers.twilio.signature import form
from gateway_sms_voice.text.encoded import plain
from gateway_sms_voice.threads import native_thread

WINDOW_MS = 24 * 3_600_000
LISTED = "listed"
_NAMES = {"sms": "Text message", "whatsapp": "WhatsApp message", "rcs": "RCS message"}
_KEPT = (
    "WaId", "ExternalUserId", "Forwarded", "FrequentlyForwarded", "ButtonText", "ButtonPayload",
    "ButtonType", "ListId", "ListTitle", "Latitude", "Longitude", "Address", "Label",
    "OriginalRepliedMessageSid", "OriginalRepliedMessageSender", "MessagingServiceSid",
    "NumSegments", "ReferralBody", "ReferralHeadline", "ReferralSourceId", "ReferralSourceType",
    "ReferralSourceUrl", "ReferralCtwaClid", "FromCountry", "FromCity", "FromState", "FromZip",
)  # fmt: skip


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What reading depends on besides the arrival.

    Args:
        account_url: where the account's resources are at the API.
        region: country whose national numbers are meant.
    """

    account_url: str
    region: str = ""

    def __call__(self, arrival: Arrival) -> Sequence[Parsed]:
        """Read one arrival.

        Raises:
            UnreadableArrival: it is not what Twilio sends.
        """
        if arrival.kind == "status":
            return [read_status(fields_of(arrival.body), arrival.remote)]
        sent_at = None
        if arrival.kind == LISTED:
            listed = read_listed(arrival.body)
            fields: Mapping[str, str] = as_fields(listed, self.account_url)
            sent_at = moment(listed.date_created or "")
        else:
            fields = fields_of(arrival.body)
        if asked := arrival.remote.get("opt_out"):
            return [
                Ignored(reason=reason_of(str(asked), fields.get("From", ""), fields.get("To", "")))
            ]
        return [self._message(arrival, fields, sent_at)]

    def _message(self, arrival: Arrival, fields: Mapping[str, str], sent_at: int | None) -> Draft:
        sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
        if not sid or "To" not in fields:
            raise UnreadableArrival("the message has no MessageSid or no To")
        ours = endpoint(fields["To"], self.region)
        theirs = sender_of(fields, self.region)
        name = " ".join(fields.get("ProfileName", "").split())[:100]
        replied = fields.get("OriginalRepliedMessageSid", "")
        at = sent_at if sent_at is not None else arrival.received_at
        shown = f"{name} ({theirs.value})" if name else theirs.value or "a withheld number"
        answerable, media = theirs.reachable, media_of(fields)
        return Draft(
            author=theirs.address(name, ours.country or self.region),
            also=also_known(fields, theirs, name),
            proof="asserted" if answerable else "claimed",
            evidence="Twilio vouches for the sending number" if answerable else "",
            subject=f"{_NAMES.get(theirs.line, 'Message')} from {shown}",
            text=text_of(fields),
            attachments=tuple(
                DraftAttachment(name=file_name(n, kind), media_type=kind, state="pending")
                for n, (_, kind) in enumerate(media, start=1)
            ),
            quiet=bool(media),  # until they were fetched, or the first try failed
            recipients=(str(ours),),
            # What two people send with a withheld number has nothing in common.
            thread=None if theirs.withheld else ThreadRef(
                native_id=native_thread(ours, lasting(fields, theirs)), address=str(theirs),
                window_until=at + WINDOW_MS if theirs.line == "whatsapp" else None,
            ),
            references=(replied,) if replied else (),
            in_reply_to=replied,
            external_ids=(sid,),
            same_as=(f"twilio:{sid}",),
            sent_at=sent_at,
            automated="none" if answerable else "notification",
            answerable=answerable, acknowledge=answerable,
            reasons=() if answerable else ("nobody can be written to at that sender",),
            trust=Trust(signature="pass", authority="twilio"),
            extra={"sms_voice": kept(fields, theirs)},
        )  # fmt: skip


def fields_of(body: bytes) -> dict[str, str]:
    """Read a stored webhook's fields; of a repeated one the first counts.

    Raises:
        UnreadableArrival: it is no form.
    """
    try:
        fields = form(body)
    except ValueError as error:
        raise UnreadableArrival(f"the body is no form as Twilio sends them: {error}") from error
    return {name: fields.getone(name) for name in fields}


def sender_of(fields: Mapping[str, str], region: str) -> Endpoint:
    """Say who sent it."""
    return endpoint(fields.get("From", ""), region)


def lasting(fields: Mapping[str, str], theirs: Endpoint) -> Endpoint:
    """Give what names the sender for good: WhatsApp's business-scoped id outlasts the number."""
    scoped = Endpoint(line="whatsapp", value=fields.get("ExternalUserId", ""))
    return scoped if theirs.line == "whatsapp" and scoped.scoped else theirs


def also_known(fields: Mapping[str, str], theirs: Endpoint, name: str) -> tuple[Any, ...]:
    """Give the sender's further addresses: number and business-scoped id stand side by side."""
    scoped = lasting(fields, theirs)
    address = scoped.address(name)
    return (address,) if address is not None and scoped != theirs else ()


def text_of(fields: Mapping[str, str]) -> str:
    """Put together what was said: words, a pressed button, a place, the advertisement it came from."""
    said = plain(fields.get("Body", ""))
    lines = [said or fields.get("ButtonText", "") or fields.get("ListTitle", "")]
    if fields.get("Latitude") and fields.get("Longitude"):
        place = [fields.get("Label", ""), fields.get("Address", "")]
        place.append(f"{fields['Latitude']}, {fields['Longitude']}")
        lines.append(f"[location: {', '.join(filter(None, place))}]")
    if fields.get("ReferralSourceUrl") or fields.get("ReferralHeadline"):
        advert = [fields.get("ReferralHeadline", ""), fields.get("ReferralSourceUrl", "")]
        lines.append(f"[came from: {' '.join(filter(None, advert))}]")
    return "\n".join(filter(None, lines))


def kept(fields: Mapping[str, str], theirs: Endpoint) -> dict[str, Any]:
    """Keep the channel's own data."""
    return {"line": theirs.line} | {name: fields[name] for name in _KEPT if fields.get(name)}


def file_name(number: int, media_type: str) -> str:
    """Name a file that came without a name."""
    main, _, sub = media_type.partition(";")[0].strip().lower().partition("/")
    ending = {"jpeg": "jpg", "plain": "txt", "x-vcard": "vcf", "vcard": "vcf", "quicktime": "mov",
              "mpeg": "mp3" if main == "audio" else "mpg", "svg+xml": "svg"}.get(sub, sub)  # fmt: skip
    safe = "".join(letter for letter in ending if letter.isalnum())[:8] or "bin"
    kind = main if main in ("image", "audio", "video") else "file"
    return f"{kind}-{number}.{safe}"

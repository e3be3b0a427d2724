"""Reading what Kannel handed in, as the gateway's drafts. Pure: it runs in a worker process."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway import Arrival, Draft, DraftAttachment, Ignored, Parsed, ThreadRef, Trust
from gateway_sms_voice.optout import reason_of
from gateway_sms_voice.providers.kannel.fields import Incoming, Notation, incoming, text_of
from gateway_sms_voice.providers.kannel.receipts import read_report
from gateway_sms_voice.threads import native_thread


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What reading depends on besides the arrival.

    Args:
        notation: how the SMS centre writes numbers.
    """

    notation: Notation = Notation()

    def __call__(self, arrival: Arrival) -> Sequence[Parsed]:
        """Read one arrival."""
        if arrival.kind == "status":
            return [read_report(arrival.body, arrival.remote)]
        known = incoming(arrival.headers, self.notation)
        if asked := arrival.remote.get("opt_out"):
            return [Ignored(reason=reason_of(str(asked), str(known.theirs), str(known.ours)))]
        return [_draft(arrival, known, self.notation.region)]


def _draft(arrival: Arrival, known: Incoming, region: str) -> Draft:
    text = text_of(arrival.body, arrival.content_type, known.coding)
    theirs, answerable = known.theirs, known.theirs.reachable
    return Draft(
        author=theirs.address(country=known.ours.country or region),
        proof="asserted" if answerable else "claimed",
        evidence="the operator's SMS centre names the sending number" if answerable else "",
        subject=f"SMS from {theirs.value or 'a withheld number'}",
        text=_words(text, arrival.body, known),
        attachments=() if text is not None else (_data(arrival.body),),
        recipients=(str(known.ours),),
        thread=ThreadRef(native_id=native_thread(known.ours, theirs), address=str(theirs)),
        external_ids=(arrival.key,),
        same_as=(f"kannel:{arrival.key}",),
        sent_at=known.sent_at,
        automated="none" if answerable else "notification",
        answerable=answerable, acknowledge=answerable,
        reasons=() if answerable else ("nobody can be written to at that sender",),
        trust=Trust(signature="pass", authority="kannel"),
        extra={"sms_voice": {"line": "sms", "smsc": known.smsc}},
    )  # fmt: skip


def _words(text: str | None, body: bytes, known: Incoming) -> str:
    said = f"[a message of {len(body)} bytes that is no text]" if text is None else text
    if known.part is None:
        return said
    return f"[part {known.part.number} of {known.part.of}] {said}"


def _data(body: bytes) -> DraftAttachment:
    return DraftAttachment(name="message.bin", media_type="application/octet-stream", data=body)

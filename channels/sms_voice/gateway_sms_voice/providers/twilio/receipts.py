"""Delivery receipts of Twilio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import Ignored, Parsed, Receipt, ReceiptState, UnreadableArrival, read_id
from gateway_sms_voice.numbers import endpoint
from gateway_sms_voice.providers.twilio.errors import explained

STATES: dict[str, ReceiptState] = {
    "accepted": "accepted", "scheduled": "accepted", "queued": "accepted", "sending": "accepted",
    "sent": "sent", "partially_delivered": "sent", "delivered": "delivered", "read": "read",
    "undelivered": "failed", "failed": "failed", "canceled": "failed",
}  # fmt: skip
FAR = ("delivered", "read")


def read_status(fields: Mapping[str, str], remote: Mapping[str, Any]) -> Parsed:
    """Read what became of one part of a delivery.

    Args:
        remote: our own ids, from the URL that was called.

    Raises:
        UnreadableArrival: it is no receipt.
    """
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    state = STATES.get(status.lower())
    if not sid:
        raise UnreadableArrival("the receipt has no MessageSid")
    if state is None:
        return Ignored(reason=f"the status {status[:40]!r} says nothing of a delivery")
    # Parts are handed over in order, so that the last one proves the others.
    part, parts = _number(remote.get("part")), _number(remote.get("parts"))
    if part < parts and state in FAR:
        state = "sent"  # the whole is with the customer once its last part is
    code = fields.get("ErrorCode", "")
    known = explained(code)
    words = ""
    if state == "failed":
        words = known.words if known else fields.get("ChannelStatusMessage", "") or "not delivered"
        words = f"part {part} of {parts}: {words}" if parts > 1 else words
    gone = known is not None and known.number_is_gone
    return Receipt(
        external_ids=(sid,),
        delivery=_delivery(remote.get("delivery")),
        recipient=endpoint(fields.get("To", "")).address() if gone else None,
        state=state,
        whole=part >= parts,
        permanent=known is None or not known.passing,
        code=f"twilio_{code}" if code else "",
        text=words,
    )


def _delivery(shown: Any) -> int | None:
    try:
        return read_id("dlv", str(shown))
    except ValueError:
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 1

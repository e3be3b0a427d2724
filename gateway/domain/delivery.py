"""Deliveries: one thing to be sent to one target, with its attempts and outcome."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.domain.draft import ReceiptState

DeliveryState = Literal["queued", "leased", "delivered", "unknown", "dead", "cancelled"]
Operation = Literal["forward", "reply", "acknowledge"]
Repeat = Literal["idempotent", "lookup", "tolerable", "never"]
StuckHead = Literal["hold", "skip"]
_RECEIPTS: tuple[ReceiptState, ...] = ("accepted", "sent", "delivered", "read")
KEPT_ATTEMPTS = 20
FOUND = "found"
PARKED = (1 << 62) - 1  # waits for a person, not for a moment


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a delivery.

    Args:
        outcome: ``delivered``, ``retry``, ``unknown``, ``dead``, ``found`` (it had been done, as
            was found out at the target, told by a receipt or known from an earlier delivery),
            ``released`` (a person let it go though a plugin had stopped it), ``bounced``.
    """

    at: int
    outcome: str
    code: str = ""
    error: str = ""
    took_ms: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be sent to one target.

    Args:
        target: ``backend/NAME`` or ``channel/NAME``.
        operation: whether a forward opens a ticket or adds an entry is decided when it is sent.
        key: the idempotency key, the same for every attempt.
        next_at: not before; milliseconds since the Unix epoch.
        recipients: the identities written to, for a channel.
        revision: of the message, for which it was made; what is sent is the latest one.
        shown: the revision that was sent to a ticket system, where that is known.
        receipt: how far it got at its receivers.
        text, subject: what to send where it is no stored message (an acknowledgement).
        attempts: how often it was tried.
        lease: fencing token of whoever works on it.
        blocks: later deliveries of the same target and conversation wait for it.
    """

    id: int
    tenant: str
    conversation: int
    message: int
    target: str
    operation: Operation
    key: str
    state: DeliveryState = "queued"
    thread: int | None = None
    recipients: tuple[int, ...] = ()
    revision: int = 0
    shown: int | None = None
    attempts: int = 0
    next_at: int = 0
    made_at: int = 0
    settled_at: int | None = None
    last_error: str = ""
    last_code: str = ""
    external_ids: tuple[str, ...] = ()
    receipt: ReceiptState | None = None
    history: tuple[Attempt, ...] = ()
    lease: int = 0
    blocks: bool = True
    text: str = ""
    subject: str = ""


def later_receipt(known: ReceiptState | None, told: ReceiptState) -> ReceiptState:
    """The receipt state after being told of another one: it never moves back.

    ``failed`` counts only while nothing was delivered, and a later ``delivered`` or ``read``
    overrules it.
    """
    if known is None:
        return told
    if told == "failed":
        return known if known in ("delivered", "read") else "failed"
    if known == "failed":
        return told if told in ("delivered", "read") else "failed"
    return max(known, told, key=_RECEIPTS.index)


def settled_beside(delivery: Delivery, stored: Delivery) -> Delivery:
    """The delivery as it is settled, with what receipts told while it was under way."""
    news = tuple(one for one in stored.history if one not in delivery.history)
    if delivery.state == "delivered":
        news = tuple(one for one in news if one.outcome != FOUND)
    receipt = delivery.receipt or stored.receipt
    if delivery.receipt and stored.receipt:
        receipt = later_receipt(stored.receipt, delivery.receipt)
    history = (*delivery.history, *news)[-KEPT_ATTEMPTS:]
    return known_after_all(msgspec.structs.replace(delivery, receipt=receipt, history=history))


def receipted(stored: Delivery, told: Delivery) -> Delivery:
    """The delivery after a receipt: only that and its attempts are taken from what is told."""
    receipt = later_receipt(stored.receipt, told.receipt) if told.receipt else stored.receipt
    news = tuple(one for one in told.history if one not in stored.history)
    history = (*stored.history, *news)[-KEPT_ATTEMPTS:]
    return known_after_all(msgspec.structs.replace(stored, receipt=receipt, history=history))


def known_after_all(delivery: Delivery) -> Delivery:
    """Take what is not known to be sent for sent where a receipt has told so, whatever came since."""
    found = next((one for one in delivery.history if one.outcome == FOUND), None)
    if delivery.state not in ("unknown", "dead", "queued") or found is None:
        return delivery
    return msgspec.structs.replace(
        delivery, state="delivered", settled_at=found.at, blocks=False, last_error="", last_code=""
    )

"""Receipts and bounces: what became of something we sent."""

from __future__ import annotations

import msgspec

from gateway.core.pipeline.outgoing import tell_agent
from gateway.core.pipeline.work import Work
from gateway.domain.delivery import FOUND, Attempt, Delivery, later_receipt
from gateway.domain.draft import Receipt, ReceiptState
from gateway.domain.known import Known


def take_receipt(work: Work, receipt: Receipt, known: Known) -> None:
    """Move a delivery's receipt on; a failure is told to the agent in the conversation."""
    delivery = _delivery(receipt, known)
    if delivery is None:
        work.decide(
            "receipt", "unmatched",
            f"it tells of something {receipt.state} that we did not send, or no longer know",
        )  # fmt: skip
        return
    state = later_receipt(delivery.receipt, receipt.state)
    work.decide(
        "receipt", receipt.state,
        receipt.text or f"the receiver's side says {receipt.state}",
        message=delivery.message, conversation=delivery.conversation, code=receipt.code,
    )  # fmt: skip
    told = _told_of(delivery, receipt, state, work.now)
    proof = _proof_of(delivery, receipt, work.now)
    if state == delivery.receipt and told is None and proof is None:
        return
    history = (*delivery.history, *filter(None, (told, proof)))
    work.receipts.append(msgspec.structs.replace(delivery, receipt=state, history=history))
    if proof is not None and delivery.state == "unknown":
        work.tell("delivery.delivered", conversation=delivery.conversation, delivery=delivery.id)
    work.tell(
        "delivery.receipt", delivery=delivery.id, conversation=delivery.conversation,
        message=delivery.message, data={"state": state, "code": receipt.code},
    )  # fmt: skip
    if state == "failed" and receipt.permanent:
        work.identities += [
            msgspec.structs.replace(identity, state="bounced")
            for identity in known.identities.values()
            if identity.state == "active"
        ]
    found = known.conversations.get(delivery.conversation)
    if state != "failed" or found is None:
        return
    whose = f" to {receipt.recipient.value}" if receipt.recipient else ""
    lasting = "for good" if receipt.permanent else "for now"
    why = receipt.text or receipt.code or "no reason was given"
    tell_agent(
        work, found.conversation,
        f"The answer{whose} could not be delivered ({lasting}): {why}",
    )  # fmt: skip


def _told_of(delivery: Delivery, receipt: Receipt, state: ReceiptState, now: int) -> Attempt | None:
    """What to keep of one receiver's failure; None if it is none, or was told before."""
    if state != "failed" or receipt.state != "failed":
        return None
    whose = receipt.recipient.value if receipt.recipient else ""
    if delivery.receipt == "failed" and not whose:
        return None
    code = "permanent" if receipt.permanent else "temporary"
    for one in delivery.history:
        if one.outcome == "bounced" and one.error == whose and one.code in (code, "permanent"):
            return None
    return Attempt(at=now, outcome="bounced", code=code, error=whose)


def _proof_of(delivery: Delivery, receipt: Receipt, now: int) -> Attempt | None:
    """What shows that a delivery was sent although nobody knows, or will know in a moment."""
    if not receipt.whole or delivery.state not in ("unknown", "leased"):
        return None
    if any(one.outcome == FOUND for one in delivery.history):
        return None
    return Attempt(at=now, outcome=FOUND, code="receipt")


def _delivery(receipt: Receipt, known: Known) -> Delivery | None:
    if receipt.delivery is not None and receipt.delivery in known.deliveries:
        return known.deliveries[receipt.delivery]
    for lead in known.references.values():
        if lead.delivery is not None and lead.delivery in known.deliveries:
            return known.deliveries[lead.delivery]
    return None

"""What follows from the outcome of an attempt. Pure but for ids."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.core.outbox.targets import RELEASED, Done, Stopped
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Reference
from gateway.domain.conversation import Thread, Ticket, reference_hash
from gateway.domain.delivery import (
    FOUND,
    KEPT_ATTEMPTS,
    PARKED,
    Attempt,
    Delivery,
    Repeat,
    StuckHead,
)
from gateway.domain.retrying import RetryPolicy
from gateway.errors import AuthenticationFailed, ConnectorError, OutcomeUnknown, Suspended


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a target declares and the configuration says."""

    repeat: Repeat
    stuck_head: StuckHead
    retry: RetryPolicy


def settle_done(work: Work, delivery: Delivery, done: Done, *, took_ms: int) -> Delivery:
    """Note a success."""
    outcome = FOUND if done.found else "delivered"
    attempt = Attempt(at=work.now, outcome=outcome, took_ms=took_ms)
    settled = msgspec.structs.replace(
        delivery, state="delivered", attempts=delivery.attempts + 1, settled_at=work.now,
        external_ids=done.external_ids, receipt=done.receipt or delivery.receipt, blocks=False,
        shown=done.shown, last_error="", last_code="", history=_history(delivery, attempt),
    )  # fmt: skip
    work.settled.append(settled)
    backend = delivery.target.removeprefix("backend/")
    if done.closed is not None:
        work.tickets.append(msgspec.structs.replace(done.closed, state="closed"))
    if done.ticket is not None:
        work.tickets.append(
            Ticket(
                id=work.new_id(), tenant=delivery.tenant, conversation=delivery.conversation,
                backend=backend, external_id=done.ticket.external_id, url=done.ticket.url,
                synced_at=work.now,
            )
        )  # fmt: skip
        work.tell("ticket.opened", conversation=delivery.conversation, delivery=delivery.id)
    if delivery.target.startswith("channel/"):
        _remember(work, settled, done)
    for one in done.sent.recipients if done.sent else ():
        if not one.accepted:
            work.decide(
                "receipt", "refused", f"not sent to {one.address.value}: {one.code} {one.text}",
                message=delivery.message, conversation=delivery.conversation,
            )  # fmt: skip
    work.tell("delivery.delivered", conversation=delivery.conversation, delivery=delivery.id)
    return settled


def _remember(work: Work, delivery: Delivery, done: Done) -> None:
    """Make what was sent findable by its native ids, and a thread it started by its own."""
    for native in done.external_ids:
        work.references.append(
            Reference(
                key=reference_hash(delivery.tenant, native), conversation=delivery.conversation,
                message=delivery.message, delivery=delivery.id,
            )
        )  # fmt: skip
    if done.sent is not None and done.sent.native_thread and delivery.thread is None:
        work.threads.append(
            Thread(
                id=work.new_id(), tenant=delivery.tenant, conversation=delivery.conversation,
                channel=delivery.target.removeprefix("channel/"),
                native_id=done.sent.native_thread,
                identity=delivery.recipients[0] if delivery.recipients else None,
            )
        )  # fmt: skip


def settle_failed(
    work: Work,
    delivery: Delivery,
    error: Exception,
    rules: Rules,
    *,
    random: Callable[[], float],
    took_ms: int,
    still_unknown: bool = False,
) -> Delivery:
    """Note a failure: try again later, leave it unknown, or give it up.

    Args:
        still_unknown: it was only looked for, so that the attempt before may have done it still.
    """
    known = error if isinstance(error, ConnectorError) else None
    code = known.reason_code if known else type(error).__name__
    attempts = delivery.attempts + 1
    if isinstance(error, AuthenticationFailed | Suspended):
        attempts = delivery.attempts  # the operator's to mend: no attempt is used up by waiting
    holds = rules.stuck_head == "hold"
    wait = rules.retry.wait(max(attempts, 1), known.retry_after if known else None, random)
    unknown = still_unknown or known is None or isinstance(error, OutcomeUnknown)
    if isinstance(error, Stopped) or (known and not known.retryable and not unknown):
        state, next_at, blocks = "dead", PARKED, holds
    elif unknown and rules.repeat == "never":
        state, next_at, blocks = "unknown", PARKED, holds
    elif wait is None:
        state, next_at, blocks = "dead", PARKED, holds
    else:
        # Until it is found or sent, what was unknown stays so and is looked up before each try.
        state = "unknown" if unknown or delivery.state == "unknown" else "queued"
        next_at, blocks = work.now + int(wait * 1000), True
    outcome = "dead" if state == "dead" else "unknown" if unknown else "retry"
    attempt = Attempt(
        at=work.now, outcome=outcome,
        code=code, error=str(error)[:500], took_ms=took_ms,
    )  # fmt: skip
    settled = msgspec.structs.replace(
        delivery, state=state, attempts=attempts, next_at=next_at, blocks=blocks,
        last_error=str(error)[:1000] or repr(error), last_code=code,
        settled_at=work.now if state == "dead" else None, history=_history(delivery, attempt),
    )  # fmt: skip
    work.settled.append(settled)
    if state == "dead":
        work.tell(
            "delivery.dead", conversation=delivery.conversation, delivery=delivery.id,
            message=delivery.message, data={"code": code},
        )  # fmt: skip
    elif state == "unknown" and next_at == PARKED:
        work.tell(
            "delivery.unknown", conversation=delivery.conversation, delivery=delivery.id,
            message=delivery.message, data={"code": code},
        )  # fmt: skip
    return settled


def _history(delivery: Delivery, attempt: Attempt) -> tuple[Attempt, ...]:
    """The newest attempts; that a person let it go is kept however many follow."""
    released = tuple(one for one in delivery.history if one.outcome == RELEASED)[-1:]
    newest = (*delivery.history, attempt)[-KEPT_ATTEMPTS:]
    return newest if not released or released[0] in newest else (*released, *newest[1:])

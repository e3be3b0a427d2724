"""Whether an automatic answer may be sent: the rules that keep two machines from writing to each other for ever."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

MOST_HOPS = 50
"""Received headers of a mail that is not going in circles."""

_MACHINES = re.compile(
    r"(?:no|do[-_.]?not|dont|never|nicht|ne[-_.]?pas|non)[-_.]?"
    r"(?:reply|respond|answer|antworten|repondre|rispondere)(?![a-z]).*"
    r"|(?:mailer-daemon|postmaster|daemon|root|nobody|bounces?|notifications?|abuse|listserv|majordomo)(?![a-z]).*"
    r"|owner-.+|.+-(?:owner|request|bounces?|daemon)|(?:prvs|bounces?|msprvs\d?)[-+=].*|undisclosed-recipients|"
)


class AnswerCase(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a mail that could be answered automatically.

    Args:
        kind: What the mail is; only `person` is ever answered.
        suppress: Reasons found in the mail not to answer it (list headers, Precedence, X-Auto-Response-Suppress).
        return_path: The envelope sender; empty is the null sender, None when it is not known.
        sender: Who would get the answer.
        named: The addresses in To and Cc.
        is_ours: Tells for any address whether it reaches a mailbox of the gateway, of whatever tenant.
        loop_ids: The values of our loop header that the mail carries.
        received: How many Received headers it has.
        verified: Whether the sender is proven.
        answered: Whether this sender got an automatic answer in this conversation before.
    """

    kind: str
    suppress: Sequence[str] = ()
    return_path: str | None = None
    sender: str
    named: Sequence[str] = ()
    is_ours: Callable[[str], bool]
    loop_ids: Sequence[str] = ()
    received: int = 0
    verified: bool = False
    answered: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why no automatic answer may be sent.

    Args:
        code: A stable word for it.
        reason: A sentence.
        quarantine: Whether the mail itself goes in circles and must be kept from further work.
    """

    code: str
    reason: str
    quarantine: bool = False


def may_answer(case: AnswerCase, *, unverified_too: bool = False) -> Refusal | None:
    """Return None if a mail may be answered automatically, else the first reason not to (RFC 3834 section 2).

    Rates are the core's matter.

    Args:
        case: What is known of the mail.
        unverified_too: Answer senders that are not proven; anybody can then make us write to anybody.
    """
    for rule in (_circles, _is_own, _is_automatic, _is_suppressed, _is_machine, _is_not_for_us):
        refusal = rule(case)
        if refusal is not None:
            return refusal
    if case.answered:
        return Refusal(
            code="answered_before", reason="the sender had an automatic answer in this conversation"
        )
    if not case.verified and not unverified_too:
        return Refusal(
            code="unverified", reason="the sender is not proven, so the answer could hit a stranger"
        )
    return None


def _circles(case: AnswerCase) -> Refusal | None:
    if case.received > MOST_HOPS:
        reason = f"the mail passed {case.received} servers, so it goes in circles"
        return Refusal(code="too_many_hops", reason=reason, quarantine=True)
    return None


def _is_own(case: AnswerCase) -> Refusal | None:
    if case.loop_ids:
        return Refusal(code="loop_header", reason="the mail carries the loop header of a gateway")
    if case.is_ours(case.sender) or (case.return_path and case.is_ours(case.return_path)):
        return Refusal(
            code="own_address", reason="the sender is one of the gateway's own addresses"
        )
    return None


def _is_automatic(case: AnswerCase) -> Refusal | None:
    if case.kind != "person":
        return Refusal(code="not_a_person", reason=f"the mail is of the kind {case.kind}")
    return None


def _is_suppressed(case: AnswerCase) -> Refusal | None:
    if case.suppress:
        return Refusal(
            code="suppressed",
            reason=f"the mail asks for no automatic answer: {', '.join(case.suppress)}",
        )
    if case.return_path == "":
        return Refusal(
            code="null_sender", reason="the envelope sender is empty, so nobody expects an answer"
        )
    return None


def _is_machine(case: AnswerCase) -> Refusal | None:
    for address, is_path in ((case.sender, False), (case.return_path or "x@", True)):
        local = address.strip().strip("<>").lower().rpartition("@")[0]
        if _MACHINES.fullmatch(local) and not (is_path and _is_bounce_form(local)):
            return Refusal(
                code="machine_address",
                reason=f"the address {local or '(empty)'} belongs to no person",
            )
    return None


def _is_bounce_form(local: str) -> bool:
    """People's mail too is sent with such an envelope sender (BATV, VERP)."""
    return re.match(r"(?:prvs|msprvs\d?|bounces?)[-+=]", local) is not None


def _is_not_for_us(case: AnswerCase) -> Refusal | None:
    if not any(case.is_ours(address) for address in case.named):
        return Refusal(
            code="not_named", reason="no address of ours is in To or Cc: a blind copy or a list"
        )
    return None

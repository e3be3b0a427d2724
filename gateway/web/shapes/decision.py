"""Decisions as the API and the pages show them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.decision import Decision, DecisionKind
from gateway.domain.ids import show
from gateway.web.shapes.arrival import ArrivalSummary
from gateway.web.shapes.delivery import DeliveryDocument
from gateway.web.shapes.ids import ArrivalId, ConversationId, DecisionId, MessageId, maybe
from gateway.web.shapes.message import MessageDocument
from gateway.web.shapes.moment import Moment, moment


class DecisionDocument(Struct, frozen=True, kw_only=True):
    """What was decided, by whom, and why."""

    id: DecisionId
    kind: DecisionKind
    plugin: Annotated[str, Meta(description="Who decided, with its version.")]
    outcome: str
    reason: str
    facts: Annotated[dict[str, Any], Meta(description="What it rested on.")]
    at: Moment
    arrival: ArrivalId | None
    message: MessageId | None
    conversation: ConversationId | None


class WhyDocument(Struct, frozen=True, kw_only=True):
    """The chain of decisions about a message, with what it rests on and what came of it."""

    message: Annotated[
        MessageDocument | None, Meta(description="null for an arrival that became no message.")
    ]
    arrivals: tuple[ArrivalSummary, ...]
    decisions: tuple[DecisionDocument, ...]
    deliveries: tuple[DeliveryDocument, ...]


def decision_document(decision: Decision) -> DecisionDocument:
    """Show a decision."""
    return DecisionDocument(
        id=show("dec", decision.id), kind=decision.kind, plugin=decision.plugin,
        outcome=decision.outcome, reason=decision.reason, facts=decision.facts,
        at=moment(decision.at), arrival=maybe("arr", decision.arrival),
        message=maybe("msg", decision.message), conversation=maybe("conv", decision.conversation),
    )  # fmt: skip

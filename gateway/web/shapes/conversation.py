"""Conversations as the API and the pages show them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, structs

from gateway.domain.contact import Identity, IdentityState, Proof
from gateway.domain.conversation import Conversation, ConversationState, Link, Priority, Tier
from gateway.domain.draft import Role
from gateway.domain.ids import show
from gateway.store.operations import ConversationView
from gateway.web.shapes.ids import (
    ContactId,
    ConversationId,
    IdentityId,
    ThreadId,
    TicketId,
    maybe,
)
from gateway.web.shapes.link import LinkDocument, link_document
from gateway.web.shapes.moment import Moment, moment


class CustomerDocument(Struct, frozen=True, kw_only=True):
    """Who opened a conversation."""

    name: Annotated[str, Meta(description="As they call themselves; may be empty.")]
    scheme: Annotated[str, Meta(description="`email`, `tel` …")]
    value: Annotated[str, Meta(description="The address itself.")]
    proof: Annotated[Proof, Meta(description="How well it is proven that the address is theirs.")]


class ConversationSummary(Struct, frozen=True, kw_only=True):
    """A conversation as listings show it."""

    id: ConversationId
    tenant: str
    state: ConversationState
    subject: str
    tier: Tier
    priority: Priority
    queue: Annotated[str, Meta(description="Queue, group or project at the ticket system.")]
    backends: Annotated[tuple[str, ...], Meta(description="Ticket systems it goes to.")]
    language: str
    requester: Annotated[IdentityId | None, Meta(description="The identity that opened it.")]
    customer: Annotated[
        CustomerDocument | None,
        Meta(description="The same by name; null if there is none, or erased."),
    ]
    contact: ContactId | None
    messages: Annotated[int, Meta(ge=0, description="How many messages were written in it.")]
    merged_into: Annotated[
        ConversationId | None, Meta(description="The conversation that took it over.")
    ]
    opened_at: Moment
    updated_at: Moment
    resolved_at: Moment | None


class ConversationPage(Struct, frozen=True, kw_only=True):
    """A page of conversations, newest first."""

    items: tuple[ConversationSummary, ...]
    next: Annotated[
        str | None, Meta(description="Give it as `before` for the next page; null at the end.")
    ]


class ConversationStateDocument(Struct, frozen=True, kw_only=True):
    """How a conversation is after a change."""

    id: ConversationId
    state: ConversationState
    merged_into: ConversationId | None
    updated_at: Moment
    resolved_at: Moment | None


class ContactDocument(Struct, frozen=True, kw_only=True):
    """The person a conversation is with."""

    id: ContactId
    name: str
    language: str
    time_zone: str
    organisation: str


class ParticipantDocument(Struct, frozen=True, kw_only=True):
    """Somebody who takes part."""

    identity: IdentityId
    role: Role
    scheme: Annotated[str, Meta(description="`email`, `tel` …; empty if erased.")]
    value: Annotated[str, Meta(description="The address itself.")]
    name: str
    proof: Proof | None
    state: IdentityState | None
    added_at: Moment


class ThreadDocument(Struct, frozen=True, kw_only=True):
    """The native thing that ties it to a channel."""

    id: ThreadId
    channel: str
    native_id: str
    last_in_at: Moment | None


class TicketDocument(Struct, frozen=True, kw_only=True):
    """A ticket system's record of it."""

    id: TicketId
    backend: str
    external_id: Annotated[str, Meta(description="The ticket's own id at the backend.")]
    url: str
    state: str
    native_state: str


class WorkEntryDocument(Struct, frozen=True, kw_only=True):
    """What was tried, by whom, at which tier, how long."""

    at: Moment
    who: str
    tier: Tier
    text: str
    minutes: int


class ConversationDocument(ConversationSummary, frozen=True, kw_only=True):
    """A conversation with everything around it but its messages."""

    tags: tuple[str, ...]
    person: ContactDocument | None
    participants: tuple[ParticipantDocument, ...]
    threads: tuple[ThreadDocument, ...]
    tickets: tuple[TicketDocument, ...]
    links: tuple[LinkDocument, ...]
    work_order: tuple[WorkEntryDocument, ...]


def conversation_summary(
    conversation: Conversation, customer: Identity | None
) -> ConversationSummary:
    """Show a conversation in a listing.

    Args:
        customer: who opened it.
    """
    return ConversationSummary(
        id=show("conv", conversation.id), tenant=conversation.tenant, state=conversation.state,
        subject=conversation.subject, tier=conversation.tier, priority=conversation.priority,
        queue=conversation.route.queue, backends=conversation.route.backends,
        language=conversation.language, requester=maybe("idn", conversation.requester),
        customer=_customer(customer),
        contact=maybe("con", conversation.contact), messages=conversation.last_seq,
        merged_into=maybe("conv", conversation.merged_into),
        opened_at=moment(conversation.opened_at), updated_at=moment(conversation.updated_at),
        resolved_at=moment(conversation.resolved_at),
    )  # fmt: skip


def state_document(conversation: Conversation) -> ConversationStateDocument:
    """Show how a conversation is after a change."""
    return ConversationStateDocument(
        id=show("conv", conversation.id), state=conversation.state,
        merged_into=maybe("conv", conversation.merged_into),
        updated_at=moment(conversation.updated_at), resolved_at=moment(conversation.resolved_at),
    )  # fmt: skip


def conversation_document(view: ConversationView) -> ConversationDocument:
    """Show a conversation whole."""
    requester = view.conversation.requester
    customer = next((one for one in view.identities if one.id == requester), None)
    summary = conversation_summary(view.conversation, customer)
    return ConversationDocument(
        **structs.asdict(summary),
        tags=view.conversation.route.tags,
        person=_person(view),
        participants=_participants(view),
        threads=tuple(
            ThreadDocument(
                id=show("thr", one.id), channel=one.channel, native_id=one.native_id,
                last_in_at=moment(one.last_in_at or None),
            )
            for one in view.threads
        ),
        tickets=tuple(
            TicketDocument(
                id=show("tkt", one.id), backend=one.backend, external_id=one.external_id,
                url=one.url, state=one.state, native_state=one.native_state,
            )
            for one in view.tickets
        ),
        links=_links(view.links),
        work_order=tuple(
            WorkEntryDocument(
                at=moment(one.at), who=one.who, tier=one.tier, text=one.text, minutes=one.minutes
            )
            for one in view.conversation.work_order
        ),
    )  # fmt: skip


def _customer(one: Identity | None) -> CustomerDocument | None:
    if one is None or not one.value:
        return None
    return CustomerDocument(name=one.name, scheme=one.scheme, value=one.value, proof=one.proof)


def _person(view: ConversationView) -> ContactDocument | None:
    if view.contact is None:
        return None
    one = view.contact
    return ContactDocument(
        id=show("con", one.id), name=one.name, language=one.language, time_zone=one.time_zone,
        organisation=one.organisation,
    )  # fmt: skip


def _participants(view: ConversationView) -> tuple[ParticipantDocument, ...]:
    identities = {one.id: one for one in view.identities}
    shown = []
    for participant in view.participants:
        one = identities.get(participant.identity)
        shown.append(
            ParticipantDocument(
                identity=show("idn", participant.identity), role=participant.role,
                scheme=one.scheme if one else "", value=one.value if one else "",
                name=one.name if one else "", proof=one.proof if one else None,
                state=one.state if one else None, added_at=moment(participant.added_at),
            )
        )  # fmt: skip
    return tuple(shown)


def _links(links: tuple[Link, ...]) -> tuple[LinkDocument, ...]:
    return tuple(link_document(one) for one in links)

"""What a target is given: a delivery's message as a `Forward` or a `Reply`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from gateway.contracts.continuation import Codes
from gateway.contracts.services import Tokens
from gateway.core.outbox.codes import with_code
from gateway.domain.conversation import Participant, Thread
from gateway.domain.delivery import Delivery
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.domain.outgoing import Forward, Person, Reply
from gateway.store.operations import ConversationView, Cursor, DeliveryFilter, Store

KEPT_REFERENCES = 20
REMARKS = "remarks"


def compose_forward(delivery: Delivery, message: Message, view: ConversationView) -> Forward:
    """Make the forward of a message for a ticket system."""
    conversation = view.conversation
    people = _people(view)
    requester = people.get(conversation.requester or 0)
    return Forward(
        key=delivery.key, tenant=delivery.tenant,
        conversation=show("conv", conversation.id), message=show("msg", message.id),
        channel=message.channel,
        audience="internal" if message.audience == "internal" else "customer",
        kind=message.kind, author=message.author.address, author_kind=message.author.kind,
        requester=requester,
        others=tuple(person for person in people.values() if person != requester),
        subject=message.subject or conversation.subject,
        text=message.text, quoted=message.quoted, html=message.html,
        language=message.language, attachments=message.attachments,
        queue=conversation.route.queue, tier=conversation.tier, priority=conversation.priority,
        tags=conversation.route.tags, sent_at=message.sent_at, automated=message.automated,
        repeat=message.repeat_of is not None, remarks=_remarks(message, view),
        extra=message.extra,
    )  # fmt: skip


def _people(view: ConversationView) -> dict[int, Person]:
    addresses = {identity.id: identity.address for identity in view.identities}
    return {
        participant.identity: Person(address=addresses[participant.identity], role=participant.role)
        for participant in view.participants
        if participant.identity in addresses
    }


def _remarks(message: Message, view: ConversationView) -> tuple[str, ...]:
    remarks: list[str] = []
    if failed := message.trust.failed:
        remarks.append(f"The sender's address failed authentication ({failed}); it may be forged.")
    elif message.trust.unverified:
        remarks.append("Nothing verified the sender's address; it may be forged.")
    remarks += message.remarks
    if message.repeat_of is not None:
        remarks.append("The customer said nearly the same before.")
    if message.automated != "none":
        remarks.append(f"This was sent by a machine ({message.automated.replace('_', ' ')}).")
    if message.seq == 1:
        remarks += [
            f"Shown beside {show('conv', link.b)}: {link.evidence}."
            for link in view.links
            if link.a == view.conversation.id and link.revoked_at is None
        ]
    return tuple(remarks)


class ReplyComposer:
    """Makes replies, with what is needed to recognise the answer to them."""

    def __init__(self, store: Store, tokens: Tokens, codes: Callable[[str], Codes]) -> None:
        self._store, self._tokens, self._codes = store, tokens, codes

    async def compose(self, delivery: Delivery, message: Message, view: ConversationView) -> Reply:
        """Make the reply of a delivery.

        Raises:
            Deferred: it is to hold a continuation code, and there is none at the moment.
        """
        conversation = view.conversation
        thread = next((t for t in view.threads if t.id == delivery.thread), None)
        references = await self._references(delivery, view)
        automatic = delivery.operation == "acknowledge"
        subject = delivery.subject or message.subject or conversation.subject
        text, html = (delivery.text, "") if automatic else (message.text, message.html)
        text, html = await with_code(self._codes, delivery, text, html)
        return Reply(
            key=delivery.key, delivery=show("dlv", delivery.id), tenant=delivery.tenant,
            conversation=show("conv", conversation.id), message=show("msg", message.id),
            thread=thread, recipients=self._recipients(delivery, view, thread),
            subject=_answer_subject(subject),
            text=text, html=html,
            language=message.language or conversation.language,
            attachments=() if automatic else message.attachments,
            token=self._tokens.make(delivery.tenant, conversation.id),
            short_token=self._tokens.make_short(delivery.tenant, conversation.id),
            in_reply_to=references[-1] if references else "",
            references=tuple(references), automatic=_automatic(delivery, message),
            author="" if automatic else message.author.name, made_at=delivery.made_at,
            extra=thread.extra if thread else {},
        )  # fmt: skip

    def _recipients(
        self, delivery: Delivery, view: ConversationView, thread: Thread | None
    ) -> tuple[Person, ...]:
        people = _people(view)
        if delivery.recipients:
            return tuple(people[i] for i in delivery.recipients if i in people)
        if thread is None:
            return ()
        to = people.get(thread.identity or 0) or people.get(view.conversation.requester or 0)
        if to is None:
            return ()
        return (to, *(people[p.identity] for p in view.participants if _copied(p, to, people)))

    async def _references(self, delivery: Delivery, view: ConversationView) -> list[str]:
        """Native ids of what was said in this channel, oldest first, before this message."""
        channel = delivery.target.rpartition("/")[2]
        last = view.conversation.last_seq
        messages = await self._store.messages(
            None, view.conversation.id, after_seq=max(0, last - 60), limit=60
        )
        sent = await self._store.deliveries(
            None, DeliveryFilter(conversation=view.conversation.id, target=delivery.target),
            Cursor(limit=60),
        )  # fmt: skip
        by_message = {one.message: one.external_ids for one in sent if one.external_ids}
        found: list[str] = []
        for message in messages:
            if message.id == delivery.message and delivery.operation != "acknowledge":
                break
            native = (
                message.external_ids if message.direction == "in" else by_message.get(message.id)
            )
            if message.channel == channel and native:
                found.append(native[0])
        return found[:1] + found[1:][-(KEPT_REFERENCES - 1) :]


def _automatic(delivery: Delivery, message: Message) -> Literal["", "acknowledgement", "notice"]:
    if delivery.operation == "acknowledge":
        return "acknowledgement"
    return "notice" if message.author.kind in ("bot", "system") else ""


def _copied(participant: Participant, to: Person, people: dict[int, Person]) -> bool:
    """Whether a participant gets a copy: asks or was brought in, and is reachable the same way."""
    person = people.get(participant.identity)
    brought_in = participant.role == "cc" and participant.added_by is not None
    return (
        person is not None
        and person != to
        and (brought_in or participant.role == "requester")
        and person.address.scheme == to.address.scheme
    )


def _answer_subject(subject: str) -> str:
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}" if subject else ""

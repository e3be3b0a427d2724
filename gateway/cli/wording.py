"""Records in words, for a terminal; whatever a stranger wrote is made harmless."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cli.terminal import indent, moment, plain, shorten
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.ids import show
from gateway.domain.message import Attachment, Author, Message
from gateway.store.operations import ConversationView, StoredArrival


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Lay out named facts, one a line; those without a value are left out."""
    told = [(name, plain(text)) for name, text in pairs if text]
    width = max((len(name) for name, _ in told), default=0)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in told)


def author_words(author: Author) -> str:
    """Name who wrote: ``customer Ann <ann@example.com>``."""
    address = f"<{author.address.value}>" if author.address and author.address.value else ""
    return plain(" ".join(filter(None, (author.kind, author.name, address))))


def attachment_words(attachment: Attachment) -> str:
    """Name an attachment with its size and what is special about it."""
    state = "" if attachment.state == "stored" else f", {attachment.state}"
    mark = f", {attachment.mark}" if attachment.mark else ""
    return plain(
        f"{attachment.name} ({attachment.media_type}, {attachment.size} bytes{state}{mark})"
    )


def message_words(message: Message) -> str:
    """Tell a message: who, when, what."""
    marks: list[str] = [message.audience] if message.audience != "customer" else []
    marks += [message.automated.replace("_", " ")] if message.automated != "none" else []
    marks += [f"repeats {show('msg', message.repeat_of)}"] if message.repeat_of else []
    marks += [f"revision {message.revision}"] if message.revision else []
    head = (
        f"{show('msg', message.id)}  {moment(message.received_at)}  {author_words(message.author)}"
    )
    head += f"  ({', '.join(marks)})" if marks else ""
    lines = [head]
    if message.subject:
        lines.append(f"  {shorten(message.subject, 200)}")
    if message.text:
        lines.append(indent(message.text))
    if message.gone:
        lines.append("  (erased)")
    lines += [f"  + {attachment_words(attachment)}" for attachment in message.attachments]
    return "\n".join(lines)


def conversation_words(view: ConversationView) -> str:
    """Tell a conversation without its messages."""
    one, contact = view.conversation, view.contact
    people = {identity.id: identity for identity in view.identities}
    parts = [
        f"{participant.role} {people[participant.identity].value}"
        for participant in view.participants
        if participant.identity in people
    ]
    head = f"{show('conv', one.id)}  {shorten(one.subject, 200) or '(no subject)'}"
    told = facts(
        [
            ("State", one.state),
            ("Merged into", show("conv", one.merged_into) if one.merged_into else ""),
            ("Tenant", one.tenant),
            ("Customer", contact.name if contact else ""),
            ("People", ", ".join(parts)),
            ("Tier", f"{one.tier}, priority {one.priority}"),
            ("Queue", one.route.queue),
            ("Route", ", ".join(one.route.backends)),
            ("Opened", moment(one.opened_at)),
            ("Updated", moment(one.updated_at)),
        ]
    )
    lines = [head, told]
    lines += [
        f"  Ticket  {ticket.backend} {plain(ticket.external_id)}, {ticket.state}"
        + (f", {plain(ticket.url)}" if ticket.url else "")
        for ticket in view.tickets
    ]
    lines += [
        f"  Link    {show('conv', link.a)} {link.kind} {show('conv', link.b)}: {plain(link.evidence)}"
        + (" (taken back)" if link.revoked_at else "")
        for link in view.links
        if link.of == "conversation"
    ]
    return "\n".join(lines)


def arrival_words(stored: StoredArrival) -> str:
    """Tell an arrival and what became of it."""
    one = stored.arrival
    head = (
        f"{show('arr', one.id)}  {moment(one.received_at)}  {one.source_kind} {plain(one.source)}"
        f"  {plain(one.kind)}  {stored.state}"
    )
    if one.gone:
        head += f"  (content gone: {one.gone})"
    if stored.reason is None:
        return head
    reason = stored.reason
    by = f" by {plain(reason.plugin).strip()}" if reason.plugin else ""
    return f"{head}\n  {reason.stage}: {reason.code}{by}: {plain(reason.error)}"


def decision_words(decision: Decision) -> str:
    """Tell one step of why."""
    return (
        f"  {moment(decision.at)}  {decision.kind:<11} {plain(decision.outcome)}"
        f"  [{plain(decision.plugin).strip()}]\n      {plain(decision.reason)}"
    )


def delivery_words(delivery: Delivery) -> str:
    """Tell a delivery in a line, and its last error in a second one."""
    further = delivery.receipt if delivery.receipt != delivery.state else None
    receipt = f", {further}" if further else ""
    line = (
        f"{show('dlv', delivery.id)}  {delivery.operation} to {delivery.target}  "
        f"{delivery.state}{receipt}, {delivery.attempts} attempt(s)"
    )
    if delivery.last_error and delivery.state != "delivered":
        line += f"\n  {plain(delivery.last_code)}: {plain(delivery.last_error)}"
    return line


def delivery_facts(delivery: Delivery) -> str:
    """Tell a delivery with its attempts."""
    told = facts(
        [
            ("Conversation", show("conv", delivery.conversation)),
            ("Message", show("msg", delivery.message)),
            ("Tenant", delivery.tenant),
            ("Key", delivery.key),
            ("Made", moment(delivery.made_at)),
            ("Next try", moment(delivery.next_at) if delivery.state == "queued" else ""),
            ("Ids there", ", ".join(delivery.external_ids)),
        ]
    )
    tries = [
        f"  {moment(attempt.at)}  {attempt.outcome}, {attempt.took_ms} ms"
        + (f"  {plain(attempt.code)}: {plain(attempt.error)}" if attempt.error else "")
        for attempt in delivery.history
    ]
    return "\n".join([delivery_words(delivery), told, *(["Attempts", *tries] if tries else [])])

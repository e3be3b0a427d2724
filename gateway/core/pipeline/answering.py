"""Level 0: a plugin's answer goes to the customer, or to the agent as a suggestion.

What is sent obeys the limits of every automatic answer; over them it is a suggestion.
"""

from __future__ import annotations

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.outgoing import tell_backends
from gateway.core.pipeline.restraint import Restraint
from gateway.core.pipeline.work import Work
from gateway.domain.contact import Identity
from gateway.domain.conversation import Conversation
from gateway.domain.message import Author, Message
from gateway.hooks.calls import Hooks


async def answer(
    hooks: Hooks,
    restraint: Restraint,
    work: Work,
    conversation: Conversation,
    message: Message,
    author: Identity | None,
    candidate: Candidate,
) -> None:
    """Ask plugins for an answer and write it into the conversation."""
    answered = await hooks.answer_message(conversation, message)
    if answered is None:
        return
    found = answered.value
    why_not: str | None = "the plugin only suggests it"
    if found.mode == "send":
        why_not = await restraint.refusal(work, message, author, candidate)
    send = why_not is None
    sources = "".join(f"\n- {source}" for source in found.sources)
    said = Message(
        id=work.new_id(), tenant=work.tenant, conversation=conversation.id,
        seq=work.next_seq(conversation), thread=message.thread, channel=message.channel,
        direction="out" if send else "internal", kind="text" if send else "note",
        author=Author(kind="bot", name=answered.plugin),
        audience="customer" if send else "internal",
        text=found.text if send else f"Suggested answer:\n{found.text}{sources}",
        received_at=work.now, recorded_at=work.now,
    )  # fmt: skip
    work.messages.append(said)
    work.decide(
        "answer", "send" if send else "suggest",
        f"level 0 answer with confidence {found.confidence:.2f}" + (f": {why_not}" if why_not else ""),
        plugin=f"{answered.plugin} {answered.version}",
        message=message.id, conversation=conversation.id, sources=list(found.sources),
    )  # fmt: skip
    if send and author is not None:
        work.deliver(
            said, f"channel/{message.channel}", "reply", thread=message.thread,
            recipients=(author.id,),
        )  # fmt: skip
    tell_backends(work, work.conversation(conversation.id), said)

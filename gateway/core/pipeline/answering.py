"""Level 0: a plugin's answer goes to the customer, or to the agent as a suggestion."""

from __future__ import annotations

from gateway.core.pipeline.outgoing import tell_backends
from gateway.core.pipeline.work import Work
from gateway.domain.conversation import Conversation
from gateway.domain.message import Author, Message
from gateway.hooks.calls import Hooks


async def answer(hooks: Hooks, work: Work, conversation: Conversation, message: Message) -> None:
    """Ask plugins for an answer and write it into the conversation."""
    answered = await hooks.answer_message(conversation, message)
    if answered is None:
        return
    found = answered.value
    send = (
        found.mode == "send"
        and message.answerable
        and not message.trust.failed
        and message.author.identity is not None
    )
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
        f"level 0 answer with confidence {found.confidence:.2f}", plugin=f"{answered.plugin} {answered.version}",
        message=message.id, conversation=conversation.id, sources=list(found.sources),
    )  # fmt: skip
    if send and message.author.identity is not None:
        work.deliver(
            said, f"channel/{message.channel}", "reply", thread=message.thread,
            recipients=(message.author.identity,),
        )  # fmt: skip
    tell_backends(work, work.conversation(conversation.id), said)

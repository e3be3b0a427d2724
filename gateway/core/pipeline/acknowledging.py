"""Acknowledging: "we have it", by the words of a plugin or of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.restraint import Restraint
from gateway.core.pipeline.work import Work
from gateway.core.texts import ACKNOWLEDGED
from gateway.domain.contact import Identity, at_least
from gateway.domain.conversation import Conversation
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.hooks.calls import Hooks


class Acknowledger:
    """Decides whether and with which words a message is acknowledged.

    Args:
        texts: by tenant and language, ``""`` for all other languages; ``{reference}`` stands for
            the conversation's id.
    """

    def __init__(
        self,
        *,
        hooks: Hooks,
        restraint: Restraint,
        texts: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._hooks, self.restraint, self._texts = hooks, restraint, texts

    async def acknowledge(
        self,
        work: Work,
        conversation: Conversation,
        message: Message,
        author: Identity | None,
        candidate: Candidate,
    ) -> None:
        """Queue an acknowledgement, or note why there is none."""
        answered = await self._hooks.acknowledge_message(conversation, message)
        if not self.restraint.policy.enabled and answered is None:
            return
        why_not = await self.restraint.refusal(work, message, author, candidate)
        if why_not is not None or author is None:
            work.decide(
                "acknowledge", "not sent", why_not or "nobody to write to", message=message.id
            )
            return
        if answered is not None:
            text, subject = answered.value.text, answered.value.subject
        else:
            words = self._texts.get(message.tenant, ACKNOWLEDGED)
            text = words.get(message.language) or words.get("", ACKNOWLEDGED[""])
            subject = ""
        work.deliver(
            message, f"channel/{message.channel}", "acknowledge", thread=message.thread,
            recipients=(author.id,), subject=subject, blocks=False,
            text=text.replace("{reference}", show("conv", conversation.id)),
        )  # fmt: skip
        verified = at_least(candidate.draft.proof, "asserted")
        reason = (
            "a verified sender's new request" if verified else "an unverified sender's new request"
        )
        work.decide("acknowledge", "sent", reason, message=message.id)

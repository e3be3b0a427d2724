"""Acknowledging: an automatic answer, sent only where no loop and no backscatter can come of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.work import Work
from gateway.core.texts import ACKNOWLEDGED
from gateway.domain.changes import StateWrite
from gateway.domain.contact import Identity, at_least
from gateway.domain.conversation import Conversation
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store

OWNER = "core/acknowledge"
HOUR = 3_600_000


class AcknowledgePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When an acknowledgement is sent.

    Args:
        enabled: off by default.
        verified_only: never to a sender whose address is only claimed.
        per_sender_hours: at most one acknowledgement to a sender within this span.
        per_channel_hour: at most so many an hour from one channel; over it, none until the hour
            is over, so that a flood of forged senders does not become a flood from us.
    """

    enabled: bool = False
    verified_only: bool = True
    per_sender_hours: float = 24
    per_channel_hour: int = 100


class Budget(msgspec.Struct, frozen=True):
    """How many acknowledgements left a channel in an hour."""

    hour: int = 0
    used: int = 0


class Acknowledger:
    """Decides whether and with which words a message is acknowledged.

    Args:
        texts: by tenant and language, ``""`` for all other languages; ``{reference}`` stands for
            the conversation's id.
        sending: names of channels that can send.
    """

    def __init__(
        self,
        *,
        hooks: Hooks,
        store: Store,
        policy: AcknowledgePolicy,
        texts: Mapping[str, Mapping[str, str]],
        sending: frozenset[str],
    ) -> None:
        self._hooks, self._store, self._policy = hooks, store, policy
        self._texts, self._sending = texts, sending
        self._spent: dict[str, tuple[int, int, set[int]]] = {}

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
        if not self._policy.enabled and answered is None:
            return
        why_not = self._refusal(message, author, candidate)
        if why_not is None and author is not None:
            why_not = await self._budget(work, message, author)
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
        work.decide("acknowledge", "sent", "a verified sender's new request", message=message.id)

    def _refusal(
        self, message: Message, author: Identity | None, candidate: Candidate
    ) -> str | None:
        if message.channel not in self._sending:
            return "its channel sends nothing"
        if message.automated != "none":
            return f"a machine wrote it ({message.automated})"
        if not message.answerable or not candidate.draft.acknowledge:
            return "; ".join(candidate.draft.reasons) or "the channel forbids it"
        if author is None:
            return "it names no sender"
        if message.trust.failed:
            return f"the sender's address failed authentication ({message.trust.failed})"
        if author.state != "active":
            return f"the sender's address is {author.state}"
        if self._policy.verified_only and not at_least(candidate.draft.proof, "asserted"):
            return "the sender is not verified"
        return None

    async def _budget(self, work: Work, message: Message, author: Identity) -> str | None:
        """Take one from the sender's and the channel's budget; committed with the delivery."""
        sender_key = f"sender/{show('idn', author.id)}"
        last = await self._store.get_state(OWNER, sender_key)
        if last is not None:
            at = msgspec.json.decode(last.value, type=int)
            if work.now - at < self._policy.per_sender_hours * HOUR:
                return f"the sender had one within {self._policy.per_sender_hours:g} hours"
        channel_key = f"channel/{message.channel}"
        row = await self._store.get_state(OWNER, channel_key)
        budget = msgspec.json.decode(row.value, type=Budget) if row else Budget()
        hour = work.now // HOUR
        stored = budget.used if budget.hour == hour else 0
        before, spent = self._spent_within(message.channel, hour, stored)
        # What other lanes are about to commit counts too.
        used = max(stored, before + len(spent - {message.id}))
        if used >= self._policy.per_channel_hour:
            return f"the channel sent {used} within this hour, which is its limit"
        spent.add(message.id)
        version = 0 if last is None else last.version
        now = msgspec.json.encode(work.now)
        work.state += [
            StateWrite(owner=OWNER, key=sender_key, value=now, expected=version),
            StateWrite(
                owner=OWNER, key=channel_key, value=msgspec.json.encode(Budget(hour, used + 1))
            ),
        ]
        return None

    def _spent_within(self, channel: str, hour: int, stored: int) -> tuple[int, set[int]]:
        """What an hour's budget stood at, and the messages this process has acknowledged since."""
        if channel not in self._spent or self._spent[channel][0] != hour:
            self._spent[channel] = (hour, stored, set())
        return self._spent[channel][1:]

"""Restraint: an automatic answer is sent only where no loop and no backscatter can come of it."""

from __future__ import annotations

import msgspec

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.work import Work
from gateway.domain.changes import StateWrite
from gateway.domain.contact import Identity, at_least
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.store.operations import Store

OWNER = "core/acknowledge"
HOUR = 3_600_000


class AcknowledgePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When an automatic answer is sent: "we have it", or what a plugin answers at level 0.

    Args:
        enabled: whether to say that we have it; off by default.
        verified_only: never to a sender whose address is only claimed.
        per_sender_hours: at most one automatic answer to a sender within this span.
        per_channel_hour: at most so many an hour from one channel; over it, none until the hour
            is over, so that a flood of forged senders does not become a flood from us.
    """

    enabled: bool = False
    verified_only: bool = True
    per_sender_hours: float = 24
    per_channel_hour: int = 100


class Budget(msgspec.Struct, frozen=True):
    """How many automatic answers left a channel in an hour."""

    hour: int = 0
    used: int = 0


class Restraint:
    """Decides whether a message may be answered automatically, and counts the answers.

    Args:
        sending: names of channels that can send.
    """

    def __init__(self, *, store: Store, policy: AcknowledgePolicy, sending: frozenset[str]) -> None:
        self.policy = policy
        self._store, self._sending = store, sending
        self._spent: dict[str, tuple[int, int, set[int]]] = {}

    async def refusal(
        self, work: Work, message: Message, author: Identity | None, candidate: Candidate
    ) -> str | None:
        """Why no automatic answer may be sent; None if one may, which is counted from now on."""
        if author is None:
            return "it names no sender"
        why_not = self._refusal(message, author, candidate)
        return why_not or await self._budget(work, message, author)

    def _refusal(self, message: Message, author: Identity, candidate: Candidate) -> str | None:
        if message.channel not in self._sending:
            return "its channel sends nothing"
        if message.automated != "none":
            return f"a machine wrote it ({message.automated})"
        if not message.answerable or not candidate.draft.acknowledge:
            return "; ".join(candidate.draft.reasons) or "the channel forbids it"
        if message.trust.failed:
            return f"the sender's address failed authentication ({message.trust.failed})"
        if author.state != "active":
            return f"the sender's address is {author.state}"
        if self.policy.verified_only and not at_least(candidate.draft.proof, "asserted"):
            return "the sender is not verified"
        return None

    async def _budget(self, work: Work, message: Message, author: Identity) -> str | None:
        """Take one from the sender's and the channel's budget; committed with the delivery."""
        sender_key = f"sender/{show('idn', author.id)}"
        if any((one.owner, one.key) == (OWNER, sender_key) for one in work.state):
            return "the sender gets an automatic answer already"
        last = await self._store.get_state(OWNER, sender_key)
        if last is not None:
            at = msgspec.json.decode(last.value, type=int)
            if work.now - at < self.policy.per_sender_hours * HOUR:
                return f"the sender had one within {self.policy.per_sender_hours:g} hours"
        channel_key = f"channel/{message.channel}"
        row = await self._store.get_state(OWNER, channel_key)
        budget = msgspec.json.decode(row.value, type=Budget) if row else Budget()
        hour = work.now // HOUR
        stored = budget.used if budget.hour == hour else 0
        before, spent = self._spent_within(message.channel, hour, stored)
        # What other lanes are about to commit counts too.
        used = max(stored, before + len(spent - {message.id}))
        if used >= self.policy.per_channel_hour:
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

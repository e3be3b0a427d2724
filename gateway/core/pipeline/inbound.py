"""What a customer's message causes: decided here, committed by the runner."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.core.pipeline.acknowledging import Acknowledger
from gateway.core.pipeline.answering import answer
from gateway.core.pipeline.burying import bury
from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.continuing import continue_where_proven
from gateway.core.pipeline.identifying import identify, identify_also
from gateway.core.pipeline.keys import (
    author_address,
    continued_by,
    exact_key,
    loose_key,
    named_by,
    same_keys,
)
from gateway.core.pipeline.placing import (
    NO_TICKET,
    claim,
    open_conversation,
    place,
    reopen,
)
from gateway.core.pipeline.revising import Channels, Revised, revise, revised_by
from gateway.core.pipeline.taking_part import take_part
from gateway.core.pipeline.work import CORE, Work
from gateway.domain.arrival import Arrival
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Route
from gateway.domain.decision import DecisionKind
from gateway.domain.draft import Draft
from gateway.domain.ids import show
from gateway.domain.known import Known, KnownConversation
from gateway.domain.matching import Apart, Joined, MatchingPolicy, match, open_to_plugins
from gateway.domain.message import Message
from gateway.domain.routing import Facts, Rule, route, unknown
from gateway.domain.tokens import Keyring
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Answered
from gateway.store.operations import Store


class Inbound:
    """Decides about customers' messages.

    Args:
        rules: routing rules of the configuration, in order.
        targets: where a plugin may route to, as ``backend/NAME``.
        default_backends: by tenant, where a message goes that no rule sends anywhere.
        channels: by name, to put revisions together.
    """

    def __init__(
        self,
        *,
        hooks: Hooks,
        store: Store,
        keyring: Keyring,
        policy: MatchingPolicy,
        rules: Sequence[Rule],
        targets: frozenset[str],
        default_backends: dict[str, tuple[str, ...]],
        acknowledger: Acknowledger,
        channels: Channels = MappingProxyType({}),
    ) -> None:
        self._hooks, self._store, self._keyring, self._policy = hooks, store, keyring, policy
        self._rules, self._default_backends = rules, default_backends
        self._targets = targets
        self._acknowledger, self._channels = acknowledger, channels

    async def decide(
        self, work: Work, arrival: Arrival, candidate: Candidate, known: Known
    ) -> Message | None:
        """Decide about one message; None if it is nothing new."""
        if self._redelivered(work, arrival, candidate, known):
            return None
        continued = await continue_where_proven(
            self._store, work, self._keyring, candidate.draft, known, self._policy
        )
        known = continued.known
        if candidate.draft.revises:
            revised = await revise(
                self._store, self._hooks, self._channels, work, arrival, candidate, known,
                continued.home,
            )  # fmt: skip
            if revised == "over":
                return None
            if revised is not None:
                return await self._revised(work, candidate, revised, known)
        _note(work, candidate, candidate.message.id)
        author = await self._author(work, candidate, known)
        verdict = await self._match(work, arrival, candidate, known, author)
        joined = verdict if isinstance(verdict, Joined) else None
        if joined is not None:
            conversation = work.read(known.conversations[joined.conversation].conversation)
        else:
            quiet = candidate.message.quiet
            new_route = Route() if quiet else await self._route(work, candidate)
            conversation = open_conversation(work, candidate, author, new_route, verdict)  # type: ignore[arg-type]
            _one_at_a_time(work, known, author)
        message = place(work, candidate, known, conversation, author, verdict)
        self._also(work, candidate, known, conversation, author)
        self._claim(work, arrival, candidate)
        if message.quiet:
            return message
        conversation = reopen(work, conversation, message)
        if joined and not conversation.route.backends and message.automated not in NO_TICKET:
            conversation = await self._route_late(work, candidate, conversation)
        self._forward(work, conversation, message)
        if joined is None and message.automated not in NO_TICKET:
            await self._first_words(work, conversation, message, author, candidate)
        return message

    def _redelivered(
        self, work: Work, arrival: Arrival, candidate: Candidate, known: Known
    ) -> bool:
        exact = known.claimed.get(exact_key(arrival, candidate.part))
        if exact in known.gone:
            bury(work, candidate.part, exact, known.gone[exact])
            return True
        if exact is not None:
            work.decide(
                "duplicate", "redelivery",
                f"{arrival.source} handed in the same bytes under the same key before",
                message=exact,
            )  # fmt: skip
            return True
        revises = revised_by(arrival, candidate.draft, known) is not None
        for key in () if revises else same_keys(arrival.tenant, candidate.draft):
            if (holder := known.claimed.get(key)) in known.gone:
                bury(work, candidate.part, holder, known.gone[holder])
                return True
            if holder is not None:
                work.decide(
                    "duplicate", "second_inbox",
                    "the same message came in by another way before; this is one more arrival of it",
                    message=holder,
                )  # fmt: skip
                return True
        if (holder := known.claimed.get(loose_key(arrival, candidate.part))) is not None:
            work.decide(
                "duplicate", "kept",
                f"the key {arrival.key!r} came before with other content "
                f"({show('msg', holder)}); both are kept",
                message=candidate.message.id,
            )  # fmt: skip
        return False

    async def _revised(
        self, work: Work, candidate: Candidate, revised: Revised, known: Known
    ) -> Message:
        """Tell of a revision whoever works on the conversation, once there is something to do."""
        message, conversation = revised.message, revised.conversation
        _note(work, candidate, message.id)
        if revised.wakes:
            conversation = reopen(work, work.conversation(conversation.id), message)
            if not conversation.route.backends:
                conversation = await self._route_late(work, candidate, conversation)
        if revised.shows:
            # It is told of where it is seen, which after a merge is not where it was written.
            seen = msgspec.structs.replace(message, conversation=conversation.id)
            self._forward(work, conversation, seen)
        if revised.wakes and message.seq == 1 and message.automated not in NO_TICKET:
            people = known.identities.values()
            author = next((one for one in people if one.id == message.author.identity), None)
            await self._first_words(work, conversation, message, author, candidate)
        return message

    async def _first_words(
        self, work: Work, conversation: Conversation, message: Message, author: Identity | None,
        candidate: Candidate,
    ) -> None:  # fmt: skip
        """Answer what opened a conversation, or say that we have it."""
        restraint = self._acknowledger.restraint
        await answer(self._hooks, restraint, work, conversation, message, author, candidate)
        await self._acknowledger.acknowledge(work, conversation, message, author, candidate)

    async def _author(self, work: Work, candidate: Candidate, known: Known) -> Identity | None:
        draft = candidate.draft
        address = author_address(draft)
        if address is None:
            work.decide("identity", "none", "it names no sender", message=candidate.message.id)
            return None
        proposed = await self._hooks.propose_identities(candidate.message)
        before, people = len(work.identities), len(work.contacts)
        identity = identify(
            work, known, address, proof=draft.proof, evidence=draft.evidence,
            proposed=[one.value for one in proposed], also=draft.also,
        )  # fmt: skip
        fresh = len(work.identities) > before
        for number in range(people, len(work.contacts)):
            work.contacts[number] = (await self._hooks.enrich_contact(work.contacts[number])).value
        work.decide(
            "identity", draft.proof,
            f"{'new' if fresh else 'known'} sender {address.scheme}:{address.value}"
            + (f", {draft.evidence}" if draft.evidence else ""),
            message=candidate.message.id, dmarc=draft.trust.dmarc, scope=address.scope,
        )  # fmt: skip
        return identity

    def _also(
        self, work: Work, candidate: Candidate, known: Known, conversation: Conversation,
        author: Identity | None,
    ) -> None:  # fmt: skip
        """Let the author's further addresses take part as the author does."""
        draft = candidate.draft
        if author is None:
            return
        for address in draft.also:
            identity = identify_also(
                work, known, author, address, proof=draft.proof, evidence=draft.evidence
            )
            if identity is not None:
                take_part(work, known, conversation, identity)

    def belongs(
        self, arrival: Arrival, draft: Draft, known: Known, author: Identity | None
    ) -> Joined | Apart:
        """Decide where a message belongs, before plugins are asked."""
        return match(
            draft, known, author=author, named=named_by(self._keyring, arrival.tenant, draft.tokens),
            policy=self._policy, now=arrival.received_at, channel=arrival.source,
            continued=continued_by(self._keyring, arrival.tenant, draft),
        )  # fmt: skip

    async def _match(
        self, work: Work, arrival: Arrival, candidate: Candidate, known: Known,
        author: Identity | None,
    ) -> Joined | Apart:  # fmt: skip
        message = candidate.message
        verdict = self.belongs(arrival, candidate.draft, known, author)
        plugin = CORE
        if isinstance(verdict, Apart):
            asked = await self._ask(candidate, known, author)
            if asked is not None:
                verdict, plugin = asked
        versions = {
            show("conv", one.conversation.id): one.conversation.version
            for one in known.conversations.values()
        }
        kind: DecisionKind = "match"
        outcome = "new conversation"
        if isinstance(verdict, Joined):
            outcome = f"joined by {verdict.by}"
            kind = "repeat" if verdict.by == "repeat" else "match"
        work.decide(
            kind, outcome, verdict.reason, plugin=plugin, message=message.id, read=versions,
            score=verdict.score,
        )  # fmt: skip
        return verdict

    async def _ask(
        self, candidate: Candidate, known: Known, author: Identity | None
    ) -> tuple[Joined, str] | None:
        """Ask plugins; what they answer holds only where the sender takes part."""
        if author is None:
            return None
        message = candidate.message
        standing = {one.conversation.id: one for one in known.conversations.values()}
        mine = [
            one
            for one in standing.values()
            if open_to_plugins(candidate.draft, author, one, message.channel)
        ]
        duplicate = await self._hooks.find_duplicate(message, list(known.recent))
        if duplicate is not None:
            for recent in known.recent:
                if recent.message == duplicate.value.of and _in(mine, recent.conversation):
                    found = known.conversations[recent.conversation].conversation.id
                    joined = Joined(
                        conversation=found, by="repeat", reason=duplicate.value.reason,
                        repeat_of=recent.message,
                    )  # fmt: skip
                    return joined, _by(duplicate)
        contact = known.contacts.get(author.contact) or Contact(
            id=author.contact, tenant=author.tenant
        )
        answered = await self._hooks.match_conversation(
            message, contact, [one.conversation for one in mine]
        )
        if answered is not None and _in(mine, answered.value.conversation):
            joined = Joined(
                conversation=answered.value.conversation, by="plugin",
                reason=answered.value.reason,
            )  # fmt: skip
            return joined, _by(answered)
        return None

    async def _route(self, work: Work, candidate: Candidate) -> Route:
        message = candidate.message
        provisional = Conversation(
            id=0, tenant=message.tenant, subject=message.subject, language=message.language
        )
        answered = await self._hooks.route_conversation(provisional, message)
        if answered is not None and (why := unknown(answered.value.backends, self._targets)):
            work.decide(
                "route", "refused", f"{why}; the rules decide", plugin=_by(answered),
                message=message.id,
            )  # fmt: skip
            answered = None
        if answered is not None:
            decided, plugin = answered.value, _by(answered)
        else:
            facts = Facts(
                tenant=message.tenant, channel=message.channel,
                recipients=candidate.draft.recipients,
                sender=message.author.address.value if message.author.address else "",
                language=message.language, subject=message.subject, text=message.text,
            )  # fmt: skip
            decided = route(self._rules, facts, self._default_backends.get(message.tenant, ()))
            plugin = CORE
        work.decide(
            "route", ", ".join(decided.backends) or "nowhere",
            f"{decided.rule or 'a plugin'}: queue {decided.queue or '(default)'}, "
            f"tier {decided.tier}, priority {decided.priority}",
            plugin=plugin, message=message.id,
        )  # fmt: skip
        return decided

    async def _route_late(
        self, work: Work, candidate: Candidate, conversation: Conversation
    ) -> Conversation:
        """Route a conversation that was opened with nothing to work on, now that there is."""
        found = await self._route(work, candidate)
        return work.change(conversation, route=found, tier=found.tier, priority=found.priority)

    def _claim(self, work: Work, arrival: Arrival, candidate: Candidate) -> None:
        keys = [exact_key(arrival, candidate.part), *same_keys(arrival.tenant, candidate.draft)]
        if not any(decision.outcome == "kept" for decision in work.decisions):
            keys.append(loose_key(arrival, candidate.part))
        claim(work, candidate.message.id, tuple(dict.fromkeys(keys)), arrival.id)

    def _forward(self, work: Work, conversation: Conversation, message: Message) -> None:
        for backend in conversation.route.backends:
            work.deliver(message, f"backend/{backend}", "forward")


def _one_at_a_time(work: Work, known: Known, author: Identity | None) -> None:
    """Have what else the same person says, on another lane, decided anew with this conversation known.

    Otherwise a burst over two inboxes would open two conversations where one message would have
    been recognised as a repeat of the other.
    """
    contact = known.contacts.get(author.contact) if author else None
    if contact is not None and all(one.id != contact.id for one in work.contacts):
        work.contacts.append(msgspec.structs.replace(contact, version=contact.version + 1))


def _note(work: Work, candidate: Candidate, message: int) -> None:
    """Record what plugins changed before, about the message that is stored."""
    for note in candidate.notes:
        work.decide(note.kind, note.outcome, note.reason, plugin=note.plugin, message=message)


def _by(answered: Answered[Any]) -> str:
    return f"{answered.plugin} {answered.version}"


def _in(mine: Sequence[KnownConversation], conversation: int) -> bool:
    return any(one.conversation.id == conversation for one in mine)

"""The typed side of the hooks: one method a hook, so that nothing else touches their names."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.answers import (
    Acknowledgement,
    Action,
    Answer,
    Duplicate,
    IdentityEvidence,
    Match,
)
from gateway.domain.arrival import Arrival
from gateway.domain.contact import Contact
from gateway.domain.conversation import Conversation, Route
from gateway.domain.draft import Draft
from gateway.domain.event import Event
from gateway.domain.forgetting import Forgotten, Remains
from gateway.domain.known import RecentText
from gateway.domain.message import Message
from gateway.domain.outgoing import Forward, Reply
from gateway.domain.recording import Recording, Transcript
from gateway.errors import HookFailure
from gateway.hooks.dispatcher import Answered, Dispatcher, Piped
from gateway.hooks.specs import Audience, Trigger


class Hooks:
    """Calls every hook that has to do with a message, a person or an event.

    What each hook is for stands in `gateway.hooks.specs`. CLOSED hooks raise `HookFailure`.

    Args:
        dispatcher: does the calling; also tells which plugins are suspended.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher

    async def normalise_message(self, arrival: Arrival, draft: Draft) -> Piped[Draft]:
        """Let plugins change how an arrival is read."""
        return await self.dispatcher.pipe("normalise_message", draft, arrival=arrival)

    async def redact_message(self, message: Message, audience: Audience) -> Piped[Message]:
        """Let plugins black out what an audience must not see; CLOSED."""
        return await self.dispatcher.pipe("redact_message", message, audience=audience)

    async def enrich_message(self, message: Message) -> Piped[Message]:
        """Let plugins add what can be found out about a message."""
        return await self.dispatcher.pipe("enrich_message", message)

    async def find_duplicate(
        self, message: Message, recent: Sequence[RecentText]
    ) -> Answered[Duplicate] | None:
        """Ask whether the customer has said this before."""
        return await self.dispatcher.first("find_duplicate", message=message, recent=recent)

    async def propose_identities(self, message: Message) -> list[Answered[IdentityEvidence]]:
        """Gather evidence for whose addresses are whose."""
        return await self.dispatcher.collect("propose_identities", message=message)

    async def match_conversation(
        self, message: Message, contact: Contact | None, open_: Sequence[Conversation]
    ) -> Answered[Match] | None:
        """Ask which conversation a message belongs to."""
        return await self.dispatcher.first(
            "match_conversation", message=message, contact=contact, open_=open_
        )

    async def route_conversation(
        self, conversation: Conversation, message: Message
    ) -> Answered[Route] | None:
        """Ask where a new conversation goes."""
        return await self.dispatcher.first(
            "route_conversation", conversation=conversation, message=message
        )

    async def answer_message(
        self, conversation: Conversation, message: Message
    ) -> Answered[Answer] | None:
        """Ask for an answer at level 0."""
        return await self.dispatcher.first(
            "answer_message", conversation=conversation, message=message
        )

    async def acknowledge_message(
        self, conversation: Conversation, message: Message
    ) -> Answered[Acknowledgement] | None:
        """Ask for the text of "we have it"."""
        return await self.dispatcher.first(
            "acknowledge_message", conversation=conversation, message=message
        )

    async def transcribe_recording(
        self, message: Message, recording: Recording
    ) -> Answered[Transcript] | None:
        """Ask what is said in a recording.

        Raises:
            HookFailure: nobody answered, and who failed may answer when asked again.
        """
        return await self.dispatcher.first_or_fail(
            "transcribe_recording", message=message, recording=recording
        )

    async def prepare_forward(self, forward: Forward, backend: str) -> Piped[Forward]:
        """Let plugins have the last word before a ticket system; CLOSED."""
        return await self.dispatcher.pipe("prepare_forward", forward, backend=backend)

    async def prepare_reply(self, reply: Reply, conversation: Conversation) -> Piped[Reply]:
        """Let plugins have the last word before the customer; CLOSED."""
        return await self.dispatcher.pipe("prepare_reply", reply, conversation=conversation)

    async def evaluate_conversation(
        self, conversation: Conversation, trigger: Trigger
    ) -> Answered[tuple[Action, ...]] | None:
        """Ask what is to be done when a timer runs out or a state changes."""
        return await self.dispatcher.first(
            "evaluate_conversation", conversation=conversation, trigger=trigger
        )

    async def enrich_contact(self, contact: Contact) -> Piped[Contact]:
        """Let plugins add what other systems know of a person."""
        return await self.dispatcher.pipe("enrich_contact", contact)

    async def forget_conversation(self, forgotten: Forgotten) -> list[Answered[Remains]]:
        """Let plugins forget, and gather what stays elsewhere; CLOSED."""
        return await self.dispatcher.collect("forget_conversation", forgotten=forgotten)

    async def on_event(self, event: Event) -> list[HookFailure]:
        """Tell every plugin; answers who was not told, and why."""
        return await self.dispatcher.notify("on_event", event=event)

    def subscribers(self) -> tuple[str, ...]:
        """The plugins that want to be told of events; each has its own place in their order."""
        return self.dispatcher.plugins("on_event")

    async def tell(self, plugin: str, event: Event) -> None:
        """Tell one subscriber.

        Raises:
            HookFailure: if it has to be told again later.
        """
        await self.dispatcher.tell(plugin, "on_event", event=event)

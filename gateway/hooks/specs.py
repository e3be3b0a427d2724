"""Every hook a plugin may implement.

A hook that answers is called with a deadline. It may be a plain function, which then runs in a
thread of its own, or an ``async def`` function. It takes only the arguments it names; `settings`
is always the plugin's own `SETTINGS` type, read from ``[plugins.NAME]``.

    REGISTER  plain functions, called once; they declare what a plugin brings
    LIFESPAN  an async context manager around the running life
    PIPE      the value goes through every plugin in the order of the config; None leaves it as it
              is; a `Hold` or `Refuse` ends the pipe
    FIRST     plugins are asked in the order of the config until one answers something but None
    COLLECT   every plugin is asked, all answers count
    NOTIFY    every plugin is told afterwards, and may change nothing

    open      a failing plugin is skipped and reported, and suspended when it fails again and again
    CLOSED    a failing plugin stops the message, which waits and is tried again
"""

# A specification has a signature and a docstring and nothing else:
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import click
import pluggy

from gateway.contracts.backend import BackendType
from gateway.contracts.channel import ChannelType
from gateway.contracts.check import Check
from gateway.contracts.console import ConsolePage
from gateway.contracts.services import Context
from gateway.contracts.web import Route as WebRoute
from gateway.domain.answers import (
    Acknowledgement,
    Action,
    Answer,
    Duplicate,
    Hold,
    IdentityEvidence,
    Match,
    Refuse,
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
from gateway.domain.timer import Timer
from gateway.hooks.kinds import PROJECT, hookspec

hookimpl = pluggy.HookimplMarker(PROJECT)
Audience = Literal["store", "forward", "console", "log"]
Trigger = Timer | Event
_MESSAGE = ("id", "tenant", "conversation", "seq")
_OUTGOING = ("tenant", "conversation", "message")

# ---- once at the start ----------------------------------------------------------------------


@hookspec("REGISTER")
def register_channels(settings: Any) -> Iterable[ChannelType]:
    """Declare channel types, which ``[channels.NAME] type = "…"`` names.

    REGISTER. Import heavy libraries in the channel's methods, not at the module's top.
    """


@hookspec("REGISTER")
def register_backends(settings: Any) -> Iterable[BackendType]:
    """Declare backend types, which ``[backends.NAME] type = "…"`` names.

    REGISTER. Import heavy libraries in the backend's methods, not at the module's top.
    """


@hookspec("REGISTER")
def register_commands(settings: Any) -> Iterable[click.Command]:
    """Declare commands, which ``gateway NAME`` runs.

    REGISTER. A command cannot take the place of one that the gateway has.
    """


@hookspec("REGISTER")
def register_routes(settings: Any) -> Iterable[WebRoute]:
    """Declare web routes below ``/plugins/NAME``; verify whoever calls before anything else.

    REGISTER. The handler gets the whole body, bounded in size.
    """


@hookspec("REGISTER")
def register_console_pages(settings: Any) -> Iterable[ConsolePage]:
    """Declare pages of the console.

    REGISTER. Whatever people wrote must be escaped in the page.
    """


@hookspec("REGISTER")
def register_checks(settings: Any) -> Iterable[Check]:
    """Declare checks, shown in ``/readyz`` and the console.

    REGISTER. A check changes nothing.
    """


# ---- around the running life ----------------------------------------------------------------


@hookspec("LIFESPAN")
def lifespan(gateway: Context[Any], settings: Any) -> AbstractAsyncContextManager[None]:
    """Open what the plugin needs while the gateway runs, and close it afterwards.

    LIFESPAN, open. Put `contextlib.asynccontextmanager` between `hookimpl` and the function.

    Args:
        gateway: the plugin's services: clock, durable state, HTTP client, log.
        settings: the plugin's own settings.
    """


# ---- for each message on its way in ---------------------------------------------------------


@hookspec("PIPE", subject="draft")
def normalise_message(
    arrival: Arrival, draft: Draft, settings: Any
) -> Draft | Hold | Refuse | None:
    """Change how an arrival is read.

    PIPE of `draft`, open.

    Args:
        arrival: what came in, byte for byte.
        draft: the channel's own reading of it, as earlier plugins left it.
        settings: the plugin's own settings.
    """


@hookspec("PIPE", closed=True, subject="message", kept=_MESSAGE)
def redact_message(
    message: Message, audience: Audience, settings: Any
) -> Message | Hold | Refuse | None:
    """Black out what an audience must not see.

    PIPE of `message`, CLOSED.

    Args:
        message: as earlier plugins left it.
        audience: ``store`` (nobody ever sees it again), ``forward`` (ticket systems), ``console``
            (pages and API) or ``log``.
        settings: the plugin's own settings.
    """


@hookspec("PIPE", subject="message", kept=_MESSAGE)
def enrich_message(message: Message, settings: Any) -> Message | Hold | Refuse | None:
    """Add what can be found out: the language, how much it looks like spam, facts in `extra`.

    PIPE of `message`, open.
    """


@hookspec("FIRST")
def find_duplicate(
    message: Message, recent: Sequence[RecentText], settings: Any
) -> Duplicate | None:
    """Say that the same customer has said this before.

    FIRST, open.

    Args:
        message: the new message.
        recent: what the same identity said lately, newest first.
        settings: the plugin's own settings.
    """


@hookspec("COLLECT")
def propose_identities(message: Message, settings: Any) -> Iterable[IdentityEvidence]:
    """Give evidence for whose addresses are whose.

    COLLECT, open. The core decides by proof, and never beyond it.
    """


@hookspec("FIRST")
def match_conversation(
    message: Message, contact: Contact | None, open_: Sequence[Conversation], settings: Any
) -> Match | None:
    """Say which conversation a message belongs to.

    FIRST, open. The core refuses a conversation in which the sender does not take part.

    Args:
        message: the new message.
        contact: whose it is, None if nobody can be named.
        open_: conversations in which the sender takes part, newest first.
        settings: the plugin's own settings.
    """


@hookspec("FIRST")
def route_conversation(conversation: Conversation, message: Message, settings: Any) -> Route | None:
    """Say where a new conversation goes: backends, queue, tier, priority, first response due.

    FIRST, open. The rules of ``[[routing]]`` are asked last.
    """


@hookspec("FIRST")
def answer_message(conversation: Conversation, message: Message, settings: Any) -> Answer | None:
    """Answer at level 0, by sending the answer or by suggesting it; None leaves it to a person.

    FIRST, open.
    """


@hookspec("FIRST")
def acknowledge_message(
    conversation: Conversation, message: Message, settings: Any
) -> Acknowledgement | None:
    """Give the text of "we have it".

    FIRST, open. It is sent only where no loop can come of it, and not too often.
    """


@hookspec("FIRST")
def transcribe_recording(
    message: Message, recording: Recording, settings: Any
) -> Transcript | None:
    """Write down what is said in a recording, such as a voicemail; None leaves it to others.

    FIRST, open. Asked once the message is stored, in the background and one after another, with
    ``pipeline.transcribe_seconds`` as its deadline. The answer becomes a revision of the message;
    who fails is asked again a few times.
    """


# ---- for each message on its way out --------------------------------------------------------


@hookspec("PIPE", closed=True, subject="forward", kept=("key", *_OUTGOING))
def prepare_forward(
    forward: Forward, backend: str, settings: Any
) -> Forward | Hold | Refuse | None:
    """Have the last word before a message goes to a ticket system.

    PIPE of `forward`, CLOSED.

    Args:
        forward: as earlier plugins left it; `key`, `tenant`, `conversation` and `message` stay.
        backend: name of the backend it goes to.
        settings: the plugin's own settings.
    """


@hookspec("PIPE", closed=True, subject="reply", kept=("key", "delivery", *_OUTGOING))
def prepare_reply(
    reply: Reply, conversation: Conversation, settings: Any
) -> Reply | Hold | Refuse | None:
    """Have the last word before a reply goes to the customer: signature, translation, limits.

    PIPE of `reply`, CLOSED.

    Args:
        reply: as earlier plugins left it; `key`, `delivery`, `tenant`, `conversation` and `message`
            stay.
        conversation: what it belongs to.
        settings: the plugin's own settings.
    """


# ---- besides --------------------------------------------------------------------------------


@hookspec("FIRST")
def evaluate_conversation(
    conversation: Conversation, trigger: Trigger, settings: Any
) -> Iterable[Action] | None:
    """Say what is to be done about a conversation when a timer runs out or its state changes.

    FIRST, open. An empty answer is an answer: nothing is to be done.
    """


@hookspec("PIPE", subject="contact", kept=("id", "tenant"))
def enrich_contact(contact: Contact, settings: Any) -> Contact | None:
    """Add what other systems know of a person: customer number, organisation, entitlements.

    PIPE of `contact`, open.
    """


@hookspec("COLLECT", closed=True)
def forget_conversation(forgotten: Forgotten, settings: Any) -> Iterable[Remains]:
    """Forget what the gateway has forgotten, and say what is kept elsewhere and stays.

    COLLECT, CLOSED. A failing plugin is asked again later; it may be asked twice for the same.

    Args:
        forgotten: a conversation whose time was over, or what a person said in it who asked for
            erasure.
        settings: the plugin's own settings.
    """


@hookspec("NOTIFY")
def on_event(event: Event, settings: Any) -> None:
    """Be told of what happened, at least once, in order.

    NOTIFY. A failing plugin is told again later.
    """

"""What hooks answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.domain.contact import Proof
from gateway.domain.conversation import ConversationState, Priority, Tier
from gateway.domain.message import Address


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Keep it back until a person lets it go."""

    reason: str


class Refuse(msgspec.Struct, frozen=True, kw_only=True):
    """Do not let it pass, ever; it stays visible with the reason."""

    reason: str


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """The message says again what another one said."""

    of: int
    reason: str


class IdentityEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin's evidence that an address belongs to a contact; the core decides by proof."""

    address: Address
    contact: int | None = None
    proof: Proof = "claimed"
    reason: str = ""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The message belongs to a conversation that its sender takes part in."""

    conversation: int
    reason: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A level 0 answer.

    Args:
        confidence: 0 to 1.
        mode: ``send`` it to the customer or ``suggest`` it to the agent.
    """

    text: str
    sources: tuple[str, ...] = ()
    confidence: float = 0.0
    mode: Literal["send", "suggest"] = "suggest"


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """The text of "we have it"; sent only where no loop can come of it."""

    text: str
    subject: str = ""


class SetState(msgspec.Struct, frozen=True, kw_only=True, tag="set_state"):
    """Change a conversation's state."""

    state: ConversationState
    reason: str


class SetTier(msgspec.Struct, frozen=True, kw_only=True, tag="set_tier"):
    """Escalate or hand back; the work order travels along."""

    tier: Tier
    reason: str


class SetPriority(msgspec.Struct, frozen=True, kw_only=True, tag="set_priority"):
    """Change a conversation's priority."""

    priority: Priority
    reason: str


class AddNote(msgspec.Struct, frozen=True, kw_only=True, tag="add_note"):
    """Write an internal note into the conversation and its tickets."""

    text: str


class SetTimer(msgspec.Struct, frozen=True, kw_only=True, tag="set_timer"):
    """Evaluate the conversation again at a moment (milliseconds since the Unix epoch)."""

    name: str
    due: int


class ForwardTo(msgspec.Struct, frozen=True, kw_only=True, tag="forward_to"):
    """Forward the newest message to further backends."""

    backends: tuple[str, ...]
    reason: str


Action = SetState | SetTier | SetPriority | AddNote | SetTimer | ForwardTo

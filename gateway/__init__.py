"""The one door for plugins: everything a channel, backend or policy needs is imported from here."""

from __future__ import annotations

from gateway.config.secret import Secret
from gateway.contracts.backend import Backend, BackendCapabilities, BackendType
from gateway.contracts.channel import Channel, ChannelCapabilities, ChannelType, Parser
from gateway.contracts.check import Check
from gateway.contracts.console import ConsolePage
from gateway.contracts.continuation import Codes, IssuedCode, Matter, Matters, Redeemed
from gateway.contracts.footprint import Footprint
from gateway.contracts.services import (
    Blobs,
    Clock,
    Context,
    HealthReport,
    Http,
    Intake,
    Log,
    State,
    Stored,
    Tokens,
)
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.domain.answers import (
    Acknowledgement,
    Action,
    AddNote,
    Answer,
    Duplicate,
    ForwardTo,
    Hold,
    IdentityEvidence,
    Match,
    Refuse,
    SetPriority,
    SetState,
    SetTier,
    SetTimer,
)
from gateway.domain.arrival import Arrival, NewArrival
from gateway.domain.contact import Contact, Identity, Proof
from gateway.domain.conversation import Conversation, Participant, Thread, Ticket, WorkEntry
from gateway.domain.conversation import Route as ConversationRoute
from gateway.domain.delivery import Delivery
from gateway.domain.draft import (
    AgentReply,
    Draft,
    DraftAttachment,
    DraftParticipant,
    Ignored,
    Parsed,
    Receipt,
    ReceiptState,
    ThreadRef,
    TicketChange,
)
from gateway.domain.event import Event
from gateway.domain.forgetting import Forgotten, ForgottenTicket, Remains
from gateway.domain.health import Health
from gateway.domain.ids import read as read_id
from gateway.domain.known import RecentText
from gateway.domain.message import Address, Attachment, Author, Message, Spam, Trust
from gateway.domain.outgoing import (
    EntryRef,
    Forward,
    Person,
    RecipientOutcome,
    Reply,
    Sent,
    TicketRef,
)
from gateway.domain.recording import Recording, Transcript
from gateway.domain.timer import Timer
from gateway.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectorError,
    Deferred,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    Rejected,
    StoreUnavailable,
    Suspended,
    TargetBroken,
    Throttled,
    Unreachable,
    UnreadableArrival,
)
from gateway.hooks.specs import Audience, hookimpl

__version__ = "0.1.0"

__all__ = [
    "Acknowledgement",
    "Action",
    "AddNote",
    "Address",
    "AgentReply",
    "Answer",
    "Arrival",
    "Attachment",
    "Audience",
    "AuthenticationFailed",
    "Author",
    "Backend",
    "BackendCapabilities",
    "BackendType",
    "Blobs",
    "Channel",
    "ChannelCapabilities",
    "ChannelType",
    "Check",
    "Clock",
    "Codes",
    "ConfigError",
    "ConnectorError",
    "ConsolePage",
    "Contact",
    "Context",
    "Conversation",
    "ConversationRoute",
    "Deferred",
    "Delivery",
    "Draft",
    "DraftAttachment",
    "DraftParticipant",
    "Duplicate",
    "EntryRef",
    "Event",
    "Footprint",
    "Forgotten",
    "ForgottenTicket",
    "Forward",
    "ForwardTo",
    "GatewayError",
    "Health",
    "HealthReport",
    "Hold",
    "Http",
    "Identity",
    "IdentityEvidence",
    "Ignored",
    "Intake",
    "IssuedCode",
    "Log",
    "Match",
    "Matter",
    "Matters",
    "Message",
    "NewArrival",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "Parsed",
    "Parser",
    "Participant",
    "Person",
    "Proof",
    "Receipt",
    "ReceiptState",
    "RecentText",
    "RecipientOutcome",
    "Recording",
    "Redeemed",
    "Refuse",
    "Refused",
    "Rejected",
    "Remains",
    "Reply",
    "Route",
    "Secret",
    "Sent",
    "SetPriority",
    "SetState",
    "SetTier",
    "SetTimer",
    "Spam",
    "State",
    "StoreUnavailable",
    "Stored",
    "Suspended",
    "TargetBroken",
    "Thread",
    "ThreadRef",
    "Throttled",
    "Ticket",
    "TicketChange",
    "TicketRef",
    "Timer",
    "Tokens",
    "Transcript",
    "Trust",
    "Unreachable",
    "UnreadableArrival",
    "WebRequest",
    "WebResponse",
    "WorkEntry",
    "hookimpl",
    "read_id",
]

"""Mail out: composing it, and handing it to a relay."""

from __future__ import annotations

from gateway_email.sending.compose import LOOP_HEADER, ComposeError, compose, envelope_of
from gateway_email.sending.connection import RelaySettings
from gateway_email.sending.errors import (
    Outcome,
    RelayAuthenticationError,
    RelayCertificateError,
    RelayError,
    RelayMisconfigured,
    RelayRefused,
    RelaySlow,
    RelayTemporary,
    RelayUnknown,
    RelayUnreachable,
    SendReport,
)
from gateway_email.sending.headers import safe_text, wire_address
from gateway_email.sending.outgoing import Outgoing, OutgoingFile, Party
from gateway_email.sending.policy import OUTGOING, OutgoingPolicy
from gateway_email.sending.relay import Relay

__all__ = [
    "LOOP_HEADER",
    "OUTGOING",
    "ComposeError",
    "Outcome",
    "Outgoing",
    "OutgoingFile",
    "OutgoingPolicy",
    "Party",
    "Relay",
    "RelayAuthenticationError",
    "RelayCertificateError",
    "RelayError",
    "RelayMisconfigured",
    "RelayRefused",
    "RelaySettings",
    "RelaySlow",
    "RelayTemporary",
    "RelayUnknown",
    "RelayUnreachable",
    "SendReport",
    "compose",
    "envelope_of",
    "safe_text",
    "wire_address",
]

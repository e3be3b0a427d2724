"""Mail in by IMAP: the session, the errors, the access tokens and the watermark."""

from __future__ import annotations

from gateway_email.imap.errors import (
    ImapAuthenticationError,
    ImapCertificateError,
    ImapConnectionLost,
    ImapError,
    ImapMisconfigured,
    ImapRefused,
    ImapUnreachable,
)
from gateway_email.imap.oauth import OAuthError, OAuthGrant, OAuthRefused, TokenSource
from gateway_email.imap.session import ImapSession
from gateway_email.imap.values import Mailbox, MailFacts
from gateway_email.imap.watermark import Plan, Watermark, plan_fetch

__all__ = [
    "ImapAuthenticationError",
    "ImapCertificateError",
    "ImapConnectionLost",
    "ImapError",
    "ImapMisconfigured",
    "ImapRefused",
    "ImapSession",
    "ImapUnreachable",
    "MailFacts",
    "Mailbox",
    "OAuthError",
    "OAuthGrant",
    "OAuthRefused",
    "Plan",
    "TokenSource",
    "Watermark",
    "plan_fetch",
]

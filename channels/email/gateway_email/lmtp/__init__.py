"""Mail in by LMTP or SMTP, from a mail server beside us."""

from __future__ import annotations

from gateway_email.lmtp.envelope import Envelope, Overloaded, Verdict
from gateway_email.lmtp.server import ListenerLimits, MailListener

__all__ = ["Envelope", "ListenerLimits", "MailListener", "Overloaded", "Verdict"]

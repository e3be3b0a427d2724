"""The transports' errors in the gateway's words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    Deferred,
    OutcomeUnknown,
    Rejected,
    Suspended,
    TargetBroken,
    Throttled,
    Unreachable,
)
from gateway_email.imap import (
    ImapAuthenticationError,
    ImapCertificateError,
    ImapError,
    ImapMisconfigured,
    ImapRefused,
    OAuthError,
    OAuthRefused,
)
from gateway_email.sending.errors import (
    RelayAuthenticationError,
    RelayCertificateError,
    RelayError,
    RelayMisconfigured,
    RelayRefused,
    RelaySlow,
    RelayTemporary,
    RelayUnknown,
)

_KINDS: tuple[tuple[type[Exception], type[ConnectorError]], ...] = (
    (ImapAuthenticationError, AuthenticationFailed),
    (ImapCertificateError, Suspended),
    (ImapMisconfigured, Suspended),
    (ImapRefused, TargetBroken),
    (ImapError, Unreachable),
    (OAuthRefused, AuthenticationFailed),
    (OAuthError, Unreachable),
    (RelayAuthenticationError, AuthenticationFailed),
    (RelayCertificateError, Suspended),
    (RelayMisconfigured, Suspended),
    (RelayRefused, Rejected),
    (RelayUnknown, OutcomeUnknown),
    (RelaySlow, Throttled),
    (RelayTemporary, Deferred),
    (RelayError, Unreachable),
)


@contextmanager
def told() -> Generator[None]:
    """Raise what the transports raise as the outbox and the supervisor know it."""
    try:
        yield
    except (ImapError, OAuthError, RelayError) as error:
        kind = next(kind for known, kind in _KINDS if isinstance(error, known))
        raise kind(str(error), code=error.code) from error

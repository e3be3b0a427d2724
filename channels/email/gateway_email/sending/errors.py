"""Why a mail did not go out, told apart by what may follow.

RelayError
├── RelayUnreachable          no connection               → later, the whole relay
├── RelaySlow                 421 or 450                  → later, the whole relay more slowly
├── RelayTemporary            4xx, or lost before the end → this mail later
├── RelayRefused              5xx                         → never; to the agent
├── RelayUnknown              lost after the end          → maybe sent: the same Message-ID again
├── RelayAuthenticationError  user, password or token     → a person must act
├── RelayCertificateError     TLS does not trust it       → a person must act
└── RelayMisconfigured        our settings cannot work    → a person must act
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the mail for one recipient.

    Args:
        state: `accepted` by the relay, `temporary` (try again later) or `refused` for good.
        code: The relay's reply code.
        text: Its words.
    """

    state: Literal["accepted", "temporary", "refused"]
    code: int
    text: str


class SendReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the mail for each recipient.

    Args:
        outcomes: By recipient, all that were given.
        reply: The relay's words to the whole mail, often its queue id; empty when nobody was accepted.
    """

    outcomes: dict[str, Outcome]
    reply: str = ""

    def having(self, state: Literal["accepted", "temporary", "refused"]) -> tuple[str, ...]:
        """Return the recipients in a state."""
        return tuple(to for to, outcome in self.outcomes.items() if outcome.state == state)


class RelayError(Exception):
    """A mail was not, or not surely, handed to the relay; the text says where, why and what to do.

    Args:
        text: The sentence.
        report: What is known for each recipient, where it came so far.
    """

    code: ClassVar[str] = "relay_error"
    retryable: ClassVar[bool] = True
    blame: ClassVar[Literal["operator", "provider", "customer"]] = "provider"

    def __init__(self, text: str, report: SendReport | None = None) -> None:
        super().__init__(text)
        self.report = report


class RelayUnreachable(RelayError):
    """No connection to the relay could be made."""

    code = "relay_unreachable"


class RelaySlow(RelayError):
    """The relay wants less from us; every mail for it should wait."""

    code = "relay_slow"


class RelayTemporary(RelayError):
    """The relay did not take this mail now, or was lost before it could have."""

    code = "relay_temporary"


class RelayRefused(RelayError):
    """The relay will never take this mail."""

    code = "relay_refused"
    retryable = False
    blame = "customer"


class RelayUnknown(RelayError):
    """The connection was lost after the mail was sent; whether it was taken is not known."""

    code = "relay_unknown"


class RelayAuthenticationError(RelayError):
    """The relay does not accept user, password or token."""

    code = "relay_authentication"
    retryable = False
    blame = "operator"


class RelayCertificateError(RelayError):
    """The relay's TLS certificate is not to be trusted."""

    code = "relay_certificate"
    blame = "operator"


class RelayMisconfigured(RelayError):
    """The settings can never work with this relay."""

    code = "relay_misconfigured"
    retryable = False
    blame = "operator"

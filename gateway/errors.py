"""The one tree of errors.

    GatewayError
    ├── ConfigError                the configuration cannot be used
    ├── PluginRefused              a plugin cannot be loaded
    ├── HookFailure                a plugin's hook raised or ran past its deadline
    ├── StoreError
    │   ├── Overloaded             bounded queues are full; come back later
    │   ├── StoreUnavailable       the database does not answer, refuses us, or its disk is full
    │   ├── StoreBroken            a commit failed in a way that ends the process
    │   └── SchemaMismatch         the database is newer or older than this gateway
    ├── UnreadableArrival          what arrived cannot be read; it is quarantined
    │   └── WrongReading           a plugin's parser answered what no parser may answer
    ├── NotFound                   no such record for this tenant
    ├── Refused                    the request makes no sense in the present state
    │   └── KeyReused              an idempotency key stands for another request
    └── ConnectorError             a channel or backend could not do what was asked
        ├── Unreachable            nothing was sent; trying again is safe
        ├── Throttled              the target asked for a pause
        ├── TargetBroken           the target failed and says it did nothing
        ├── AuthenticationFailed   the credentials were refused
        ├── Rejected               the target refuses this very request for good
        ├── Suspended              the target as a whole is gone or switched off
        └── OutcomeUnknown         it may or may not have happened

The outbox reads nothing of an error but ``code``, ``retryable``, ``retry_after`` and ``blame``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Blame = Literal["operator", "provider", "customer", "gateway"]


class GatewayError(Exception):
    """Something went wrong and this sentence says what, where and what to do."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong in a configuration.

    Args:
        path: where, as a dotted path such as ``channels.support.port``.
        expected: what was expected there.
        found: what was found, never a secret.
        hint: what to do about it.
    """

    path: str
    expected: str
    found: str = ""
    hint: str = ""

    def __str__(self) -> str:
        found = f", found {self.found}" if self.found else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path}: expected {self.expected}{found}{hint}"


class ConfigError(GatewayError):
    """The configuration cannot be used; every fault is listed at once."""

    code = "config"
    exit_code = 3

    def __init__(self, faults: list[Fault], source: str = "the configuration") -> None:
        self.faults, self.source = faults, source
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{source} has {len(faults)} fault(s):\n{lines}")


class PluginRefused(GatewayError):
    """A plugin cannot be loaded."""

    code = "plugin_refused"
    exit_code = 4

    def __init__(self, plugin: str, reason: str) -> None:
        self.plugin, self.reason = plugin, reason
        super().__init__(f"plugin {plugin!r}: {reason}")


class HookFailure(GatewayError):
    """A plugin's hook raised or ran past its deadline."""

    code = "hook_failed"

    def __init__(self, hook: str, plugin: str, error: BaseException) -> None:
        self.hook, self.plugin, self.error = hook, plugin, error
        what = "ran past its deadline" if isinstance(error, TimeoutError) else repr(error)
        super().__init__(f"plugin {plugin!r}, hook {hook}: {what}")


class StoreError(GatewayError):
    """The store could not do what was asked."""

    code = "store"
    exit_code = 5


class Overloaded(StoreError):
    """Bounded queues are full; the sender is asked to come back later."""

    code = "overloaded"
    retry_after: ClassVar[int] = 2


class StoreUnavailable(StoreError):
    """The database does not answer, refuses the gateway, or its disk is full; nothing was acknowledged."""

    code = "store_unavailable"


class StoreBroken(StoreError):
    """A commit failed with an I/O error, so this process must not go on writing."""

    code = "store_broken"


class SchemaMismatch(StoreError):
    """The database's schema does not fit this gateway."""

    code = "schema_mismatch"


class UnreadableArrival(GatewayError):
    """What arrived cannot be read; it is quarantined with this reason."""

    code = "unreadable"
    plugin: str = ""


class WrongReading(UnreadableArrival):
    """A plugin's parser answered what no parser may answer; the arrival is quarantined.

    Args:
        reason: what it answered, and what is expected.
        plugin: whose parser it is, if that is known.
    """

    code = "wrong_answer"

    def __init__(self, reason: str, plugin: str = "") -> None:
        self.reason, self.plugin = reason, plugin
        super().__init__(f"plugin {plugin!r}: {reason}" if plugin else reason)


class NotFound(GatewayError):
    """There is no such record, or it belongs to another tenant."""

    code = "not_found"
    exit_code = 6


class Refused(GatewayError):
    """The request makes no sense in the present state."""

    code = "refused"
    exit_code = 7


class KeyReused(Refused):
    """The idempotency key stands for another request; nothing was taken in."""

    code = "key_reused"


class ConnectorError(GatewayError):
    """A channel or backend could not do what was asked.

    Args:
        message: what happened and what to do, for the operator; never a secret.
        code: a stable short name, the provider's own code included where it has one.
        retry_after: seconds the target asked us to wait, if it did.
    """

    code = "connector"
    retryable: ClassVar[bool] = False
    blame: ClassVar[Blame] = "provider"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason_code = code or self.code
        self.retry_after = retry_after


class Deferred(ConnectorError):
    """The target will take this one later; others may go on meanwhile (greylisting, a full mailbox)."""

    code = "deferred"
    retryable = True


class Unreachable(ConnectorError):
    """Nothing was sent, so trying again is safe."""

    code = "unreachable"
    retryable = True


class Throttled(ConnectorError):
    """The target asked for a pause; the whole target slows down, not one delivery."""

    code = "throttled"
    retryable = True


class TargetBroken(ConnectorError):
    """The target failed, and says that it did nothing."""

    code = "target_broken"
    retryable = True


class AuthenticationFailed(ConnectorError):
    """The target refused the credentials; an operator has to renew them."""

    code = "authentication_failed"
    retryable = True
    blame: ClassVar[Blame] = "operator"


class Rejected(ConnectorError):
    """The target refuses this very request for good."""

    code = "rejected"


class Suspended(ConnectorError):
    """The target as a whole is gone or switched off; its deliveries wait for an operator."""

    code = "suspended"
    retryable = True
    blame: ClassVar[Blame] = "operator"


class OutcomeUnknown(ConnectorError):
    """It may or may not have happened; what may follow is declared by the target."""

    code = "outcome_unknown"

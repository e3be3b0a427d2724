"""Suspension of plugins that fail again and again, or hang."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.contracts.services import Clock
from gateway.domain.health import Health

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
THRESHOLD = 5


class PluginSuspended(Exception):
    """The plugin is not asked for a while, since it failed again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A plugin's open hooks are left out for a while.

    Args:
        until: milliseconds since the Unix epoch.
        reason: a sentence for the operator.
    """

    plugin: str
    until: int
    reason: str


@dataclass(slots=True)
class _Record:
    failures: int = 0
    pause: float = FIRST_PAUSE
    until: int = 0
    since: int = 0
    stuck: int = 0
    reason: str = ""


class Suspensions:
    """Count each plugin's failures in a row and suspend it when there are too many.

    The first suspension lasts 60 s; each further one, as long as nothing succeeded between, twice
    as long, up to an hour. A plugin of which a thread still hangs stays suspended until it returns.

    Args:
        clock: the time of day.
        report: called with each new suspension.
        threshold: failures in a row.
    """

    def __init__(
        self, clock: Clock, report: Callable[[Suspension], None], threshold: int = THRESHOLD
    ) -> None:
        self._clock, self._report, self._threshold = clock, report, threshold
        self._records: dict[str, _Record] = {}

    def suspended(self, plugin: str) -> str:
        """Why a plugin is suspended at this moment; empty if it is not."""
        record = self._records.get(plugin)
        if record is None or (not record.stuck and self._clock.now() >= record.until):
            return ""
        return record.reason

    def stuck(self, plugin: str) -> bool:
        """Whether a thread of the plugin still hangs."""
        record = self._records.get(plugin)
        return record is not None and record.stuck > 0

    def succeeded(self, plugin: str) -> None:
        """Forget what was, unless a thread still hangs."""
        record = self._records.get(plugin)
        if record is not None and not record.stuck:
            del self._records[plugin]

    def failed(self, plugin: str, why: str) -> None:
        """Count a failure; a run of them suspends."""
        record = self._records.setdefault(plugin, _Record())
        record.failures += 1
        if record.failures >= self._threshold and not self._running(record):
            again = "" if record.failures == self._threshold else "again, "
            self._suspend(plugin, record, f"{again}{record.failures} failures in a row: {why}")

    def hung(self, plugin: str, why: str) -> None:
        """Suspend at once; `returned` tells when the hanging call has ended after all."""
        record = self._records.setdefault(plugin, _Record())
        record.failures = max(record.failures + 1, self._threshold)
        record.stuck += 1
        if not self._running(record):
            self._suspend(plugin, record, f"it hangs: {why}")

    def returned(self, plugin: str) -> None:
        """Note that a hanging call has ended."""
        self._records[plugin].stuck -= 1

    def health(self) -> dict[str, Health]:
        """How the plugins are that are suspended, by name."""
        return {
            plugin: Health(
                state="degraded",
                code="plugin_suspended",
                reason=f"plugin {plugin!r} is suspended: {record.reason}",
                since=record.since,
            )
            for plugin, record in self._records.items()
            if self.suspended(plugin)
        }

    def _running(self, record: _Record) -> bool:
        return self._clock.now() < record.until

    def _suspend(self, plugin: str, record: _Record, reason: str) -> None:
        record.since = self._clock.now()
        record.until = record.since + round(record.pause * 1000)
        record.pause = min(record.pause * 2, LONGEST_PAUSE)
        record.reason = reason
        self._report(Suspension(plugin=plugin, until=record.until, reason=reason))

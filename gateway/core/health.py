"""The health board: how every part is, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gateway.contracts.services import Clock, Log
from gateway.domain.health import Health


class HealthBoard:
    """Knows how every part is; parts are named ``channel/NAME``, ``backend/NAME``, ``store`` …

    Args:
        log: told when a part's state changes.
    """

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock, self._log = clock, log
        self._parts: dict[str, Health] = {}

    @property
    def parts(self) -> Mapping[str, Health]:
        """How every part is."""
        return self._parts

    @property
    def sick(self) -> dict[str, Health]:
        """Parts that need an operator."""
        return {name: health for name, health in self._parts.items() if not health.well}

    def reporter(self, part: str) -> Callable[[Health], None]:
        """The function by which a part reports how it is."""

        def report(health: Health) -> None:
            self.report(part, health)

        return report

    def report(self, part: str, health: Health) -> None:
        """Note how a part is; the moment it became so is kept."""
        before = self._parts.get(part)
        same = before is not None and (before.state, before.code) == (health.state, health.code)
        since = before.since if before is not None and same else self._clock.now()
        self._parts[part] = msgspec.structs.replace(health, since=health.since or since)
        if same or (before is None and health.well):
            return
        tell = self._log.info if health.well else self._log.warning
        tell("health", part=part, state=health.state, code=health.code, reason=health.reason)

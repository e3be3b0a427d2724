"""Health of one part of the gateway."""

from __future__ import annotations

from typing import Literal

import msgspec

HealthState = Literal["ok", "starting", "degraded", "down", "stopped"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a part is, and why.

    Args:
        code: stable short name of what is wrong, such as ``authentication_failed``.
        reason: a sentence that says what is wrong and what to do; never a secret.
        since: milliseconds since the Unix epoch; 0 if the part did not say.
    """

    state: HealthState = "ok"
    code: str = ""
    reason: str = ""
    since: int = 0

    @property
    def well(self) -> bool:
        """Whether nothing needs an operator."""
        return self.state in ("ok", "starting")

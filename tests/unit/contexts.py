"""What the kit offers, under the names that some tests know."""

from __future__ import annotations

from gateway.testing import CapturingLog as ListLog
from gateway.testing import FakeClock

__all__ = ["FakeClock", "ListLog"]

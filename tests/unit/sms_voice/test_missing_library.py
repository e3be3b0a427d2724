"""Without its library the channel is named as down, with what to install; the rest goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.testing import running_gateway

CONFIG = """
[plugins.sms_voice]
[plugins.desk]
[channels.phone]
type = "sms_voice"
numbers = ["+15005550006"]
[channels.phone.twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = "a token that nobody guesses"
[backends.tickets]
type = "desk"
"""


async def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator reads which extra to install, and everything else runs."""
    for name in list(sys.modules):
        ours = name.startswith("gateway_sms_voice.providers.twilio.")
        if name.partition(".")[0] == "twilio" or (ours and not name.endswith(".settings")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "twilio", None)
    async with running_gateway(tmp_path, CONFIG) as running:
        [(part, health)] = running.gateway.parts.board.sick.items()
        assert ("channel/phone", "down", "plugin_refused") == (part, health.state, health.code)
        assert "pip install 'intake-gateway[sms_voice]'" in health.reason
        assert "tickets" in running.gateway.parts.backends

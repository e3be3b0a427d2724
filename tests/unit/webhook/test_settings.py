"""Settings of a webhook backend that cannot work are refused in words, before anything is sent."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import gateway_desk
import gateway_webhook
from gateway import Secret
from gateway_webhook.settings import WebhookSettings

GOOD = Secret("whsec_" + base64.b64encode(b"g" * 24).decode())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"url": "tickets.example/hook"}, "url to be an http or https URL such as"),
        ({"url": "ftp://tickets.example"}, "url to be an http or https URL such as"),
        ({"url": "https://"}, "url to be an http or https URL such as"),
        ({"url": "https://[::1"}, "url to be an http or https URL such as"),
        ({"url": "https://host:99999"}, "url to be an http or https URL such as"),
        ({"url": "https://tickets..example/"}, "url to be an http or https URL such as"),
        ({"url": f"https://{'a' * 64}.example/"}, "url to be an http or https URL such as"),
        ({"url": "https://tickets example/"}, "url to be an http or https URL such as"),
        ({"url": "https://tickets.example/\x00"}, "url to be an http or https URL such as"),
        ({"url": "https://me:pw@host/"}, "url to hold no user name, password or fragment"),
        ({"url": "https://host/#x"}, "url to hold no user name, password or fragment"),
        ({"secrets": ()}, "secrets to hold at least one, since"),
        ({"secrets": (GOOD, Secret("hunter2!"))}, r"secrets\[1\] to be whsec_ followed by base64"),
        ({"url": "x", "secrets": ()}, "url to be an .*; secrets to hold at least one"),
        (
            {"reply_secrets": (Secret("whsec_AAAA"),)},
            r"reply_secrets\[0\] to hold 24 to 64 bytes, not 3",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], sentence: str) -> None:
    """The sentence names the setting and what was expected, and shows no secret."""
    with pytest.raises(ValueError, match=sentence) as caught:
        WebhookSettings(**{"url": "https://tickets.example/hook", "secrets": (GOOD,), **settings})
    assert "hunter2" not in str(caught.value)


def test_the_origin_is_fit_for_logs() -> None:
    """Path and query, which may hold a secret, are left out."""
    settings = WebhookSettings(url="https://tickets.example:8443/h?token=x", secrets=(GOOD,))
    assert "https://tickets.example:8443" == settings.origin


def test_both_plugins_register_their_backend() -> None:
    """The hooks deliver the types that ``type = "desk"`` and ``type = "webhook"`` name."""
    types = [*gateway_desk.register_backends(), *gateway_webhook.register_backends()]
    assert ["desk", "webhook"] == [made.name for made in types]
    assert ["desk"] == [command.name for command in gateway_desk.register_commands()]

"""What the channel's README tells operators to write is what the provider takes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from gateway import Secret
from gateway_sms_voice.providers.kannel.provider import MESSAGES
from gateway_sms_voice.settings import PhoneSettings

FOLDER = Path(__file__).parents[4] / "channels" / "sms_voice"


def test_config_can_be_used() -> None:
    """The channel's section is read as its settings."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    [block] = [
        one
        for one in re.findall(r"^ *```toml\n(.*?)^ *```", readme, re.DOTALL | re.MULTILINE)
        if ".kannel]" in one
    ]
    config = msgspec.toml.decode(re.sub(r"\$\{\w+\}", "a-secret-that-is-long-enough", block))
    section = config["channels"]["phone"]
    assert "sms_voice" == section.pop("type")

    def secret(kind: type, value: str) -> Secret:
        assert kind is Secret
        return Secret(value)

    settings = msgspec.convert(section, PhoneSettings, dec_hook=secret)
    assert settings.kannel is not None
    assert ("gateway", "http://127.0.0.1:13000") == (
        settings.kannel.username, settings.kannel.status_url,
    )  # fmt: skip
    conf = (FOLDER / "kannel.conf").read_text(encoding="utf-8")
    assert f"username = {settings.kannel.username}\n" in conf
    assert f"max-messages = {settings.kannel.max_parts}\n" in conf
    assert f"sendsms-port = {settings.kannel.url.rpartition(':')[2]}\n" in conf
    assert f"admin-port = {settings.kannel.status_url.rpartition(':')[2]}\n" in conf


def test_kannel_posts_where_the_provider_listens() -> None:
    """The post-url in the example leads to the route of messages, with nothing but the id."""
    conf = (FOLDER / "kannel.conf").read_text(encoding="utf-8")
    [url] = re.findall(r'^post-url = "http://127\.0\.0\.1:8080(.*)"$', conf, re.MULTILINE)
    route = MESSAGES.replace("{secret}", "<webhook_secret>")
    assert f"/in/<channel>{route}?id=%I" == url

"""What Kannel sends, as a real one sent it, and the settings that fit."""

from __future__ import annotations

from typing import Any

from gateway import Secret, WebRequest
from gateway_sms_voice.providers.kannel.proof import Proof
from gateway_sms_voice.providers.kannel.settings import KannelSettings

SECRET = "a-long-secret-for-the-webhook"
OURS, ANN = "+4930900900", "+491701234567"
ID = "c828f77e-9020-4d88-855c-aea8524fd76a"
HEADERS = {
    "user-agent": "Kannel/1.4.5", "content-type": 'text/plain; charset="UTF-8"',
    "x-kannel-from": ANN, "x-kannel-to": OURS, "x-kannel-time": "2026-11-26 02:28:31",
    "x-kannel-smsc": "operator", "x-kannel-coding": "0", "x-kannel-service": "default",
}  # fmt: skip
DELIVERY = "dlv_06zd67dqw0003"


def settings(**changed: Any) -> KannelSettings:
    """Settings of a Kannel on this machine."""
    known: dict[str, Any] = {
        "username": "gateway", "password": Secret("secret"), "webhook_secret": Secret(SECRET),
    }  # fmt: skip
    return KannelSettings(**{**known, **changed})


def message(body: bytes = b"Hello", *, secret: str = SECRET, **headers: str) -> WebRequest:
    """Make the request with which an SMS comes in."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebRequest(
        method="POST", path=f"/kannel/{secret}", public_url="https://gw.example/in/phone/kannel/x",
        headers={**HEADERS, **named}, query=(("id", ID),), params={"secret": secret}, body=body,
        peer="127.0.0.1",
    )  # fmt: skip


def report(
    kind: str, told: str = "", *, part: str = "1", parts: str = "1", code: str | None = None
) -> WebRequest:
    """Make the request with which Kannel reports on a text of ours."""
    if code is None:
        code = Proof(SECRET, ()).code(DELIVERY, part, parts)
    query = (
        ("code", code), ("type", kind), ("told", told), ("smsc", "operator"), ("to", ANN),
        ("id", "94bf0ac3"),
    )  # fmt: skip
    return WebRequest(
        method="GET", path=f"/status/{DELIVERY}/{part}/{parts}", query=query,
        public_url="https://gw.example/in/phone/status/x", headers={"user-agent": "Kannel/1.4.5"},
        params={"delivery": DELIVERY, "part": part, "parts": parts}, peer="127.0.0.1",
    )  # fmt: skip

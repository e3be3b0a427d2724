"""What smsbox is given, and what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    Rejected,
    Suspended,
    TargetBroken,
    Throttled,
)
from gateway_sms_voice.numbers import Endpoint
from gateway_sms_voice.providers.contract import OutgoingText
from gateway_sms_voice.providers.kannel.sending import limits_of, refusal, request_of
from gateway_sms_voice.rest import Answer
from gateway_sms_voice.settings import PhoneSettings
from tests.unit.sms_voice.kannel.samples import ANN, DELIVERY, OURS, settings

TEXT = OutgoingText(
    sender=Endpoint(value=OURS), to=Endpoint(value=ANN), text="Hello", delivery=DELIVERY
)


@pytest.mark.parametrize(
    ("text", "coding"),
    [("Grüße à 5 € [{}]^~|\\", "0"), ("ça va", "2"), ("Ж", "2"), ("😀", "2"), ("“x”", "2")],
)
def test_alphabet_is_told(text: str, coding: str) -> None:
    """One letter that GSM lacks makes it UCS-2, since Kannel would put a question mark for it."""
    changed = OutgoingText(sender=TEXT.sender, to=TEXT.to, text=text, delivery=DELIVERY)
    headers, body = request_of(settings(), changed, "")
    assert (coding, text) == (headers["X-Kannel-Coding"], body.decode())
    assert "text/plain; charset=UTF-8" == headers["Content-Type"]


def test_headers() -> None:
    """Login, ends, line and reports are named; without an address for reports none are asked for."""
    headers, _ = request_of(settings(smsc="operator"), TEXT, "http://gw/x?type=%d")
    assert (OURS, ANN, "operator", "gateway", "secret") == tuple(
        headers[f"X-Kannel-{name}"] for name in ("From", "To", "SMSC", "Username", "Password")
    )
    assert ("31", "http://gw/x?type=%d") == (
        headers["X-Kannel-DLR-Mask"], headers["X-Kannel-DLR-Url"],
    )  # fmt: skip
    plain, _ = request_of(settings(), TEXT, "")
    assert not {"X-Kannel-DLR-Mask", "X-Kannel-DLR-Url", "X-Kannel-SMSC"} & plain.keys()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, "Authorization failed for sendsms", AuthenticationFailed, "wrong_login"),
        (403, "Not routable. Do not try again.", Rejected, "not_routable"),
        (400, "Number(s) has/have been denied by white- and/or black-lists.", Rejected,
         "receiver_denied"),
        (400, "Empty receiver number not allowed, rejected", Rejected, "kannel_refused"),
        (404, "Unknown request.", Suspended, "no_sendsms"),
        (503, "Temporal failure, try again later.", Throttled, "kannel_busy"),
        (500, "Sending failed.", TargetBroken, "kannel_failed"),
        (200, "<html>Welcome to nginx</html>", Suspended, "no_kannel"),
        (301, "", Suspended, "no_kannel"),
        (403, "\xff" * 400, AuthenticationFailed, "wrong_login"),
    ],
)  # fmt: skip
def test_answers(status: int, body: str, kind: type[ConnectorError], code: str) -> None:
    """Every answer of smsbox is an error of its kind, in words; none of them took the text."""
    error = refusal(Answer(status=status, headers={}, body=body.encode()))
    assert (kind, code) == (type(error), error and error.reason_code)


@pytest.mark.parametrize("body", ["0: Accepted for delivery", "3: Queued for later delivery"])
def test_taken(body: str) -> None:
    """Kannel has it in its store, whether the SMS centre is there or not."""
    assert None is refusal(Answer(status=202, headers={}, body=body.encode()))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "127.0.0.1:13013"}, "url to be an http or https URL"),
        ({"gateway_url": "ftp://x"}, "gateway_url to be"),
        ({"status_url": "http://x:99999"}, "status_url to be"),
        ({"webhook_secret": "short"}, "at least 16"),
        ({"webhook_secret": "with/slash-and%percent"}, "letters, digits, - or _"),
        ({"password": ""}, "password"),
        ({"password": "two\nlines"}, "password"),
        ({"allowed_ips": ("10.0.0.0/8", "kannel.example")}, "not 'kannel.example'"),
        ({"allowed_ips": ()}, "where Kannel calls from"),
    ],
)
def test_settings_that_cannot_be(changed: dict[str, Any], words: str) -> None:
    """What a type cannot say is refused with what was expected, and no secret."""
    from gateway import Secret

    wanted = {
        name: Secret(value) if name in ("password", "webhook_secret") else value
        for name, value in changed.items()
    }
    with pytest.raises(ValueError, match=words) as refused:
        settings(**wanted)
    assert "with/slash" not in str(refused.value)


def test_numbers_that_kannel_cannot_carry() -> None:
    """A number on another network is refused beside Kannel, with the reason."""
    with pytest.raises(ValueError, match="numbers of SMS only beside kannel"):
        PhoneSettings(numbers=(OURS, f"whatsapp:{OURS}"), kannel=settings())


def test_limits_follow_the_settings() -> None:
    """One request holds as many segments as the sendsms-user may send."""
    limits = limits_of(settings(max_parts=3, per_second=2.0))
    assert (3, 459, 2.0, 0) == (
        limits.segments, limits.characters, limits.per_second, limits.media,
    )  # fmt: skip

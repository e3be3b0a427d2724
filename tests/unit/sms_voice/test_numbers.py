"""Numbers in their normal form, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Secret
from gateway_sms_voice.numbers import Endpoint, endpoint, is_name
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.threads import ends_of, native_thread
from tests.unit.sms_voice.world import phone_settings, twilio_settings


@pytest.mark.parametrize(
    ("text", "region", "line", "value"),
    [
        ("+49 30 123456", "", "sms", "+4930123456"),
        ("030/123 456", "DE", "sms", "+4930123456"),
        ("0049 30 123456", "DE", "sms", "+4930123456"),
        ("(500) 555-0006", "US", "sms", "+15005550006"),
        ("0171 2345678", "", "sms", "0171 2345678"),
        ("40404", "US", "sms", "40404"),
        ("whatsapp:+4915112345678", "", "whatsapp", "+4915112345678"),
        ("WhatsApp:US.134912", "", "whatsapp", "US.134912"),
        ("rcs:brand_agent", "", "rcs", "brand_agent"),
        ("client:ann", "", "client", "ann"),
        ("sip:ann@example.com", "", "sip", "ann@example.com"),
        ("+266696687", "", "sms", ""),
        ("Anonymous", "US", "sms", ""),
        ("whatsapp:", "", "whatsapp", ""),
        ("AMAZON", "US", "sms", "AMAZON"),
        ("+", "US", "sms", "+"),
        ("٤٠٤٠٤", "US", "sms", "٤٠٤٠٤"),
        ("x" * 300, "US", "sms", "x" * 64),
    ],
)
def test_reading(text: str, region: str, line: str, value: str) -> None:
    """Each way of writing a number has one normal form; what is none stays what it is."""
    read = endpoint(text, region)
    assert (line, value) == (read.line, read.value)
    assert read == endpoint(str(read), region)


def test_who_can_be_written_to() -> None:
    """Numbers, short codes and business-scoped ids; nobody else."""
    reachable = [endpoint(one).reachable for one in ("+15551230001", "40404", "whatsapp:US.1")]
    nobody = ("", "AMAZON", "sip:a@b", "client:a", "whatsapp:", "٤٠٤٠٤", "rcs:brand")
    assert [True] * 3 == reachable
    assert [False] * 7 == [endpoint(one).reachable for one in nobody]
    assert is_name(endpoint("AMAZON"))
    assert not is_name(endpoint("+15551230001"))


def test_countries() -> None:
    """A number tells its country; a short code does not."""
    assert ("DE", "US", "") == (
        endpoint("+4930123456").country, endpoint("+15005550006").country,
        endpoint("40404").country,
    )  # fmt: skip


def test_threads() -> None:
    """A thread names both ends, also when a conversation has a thread of its own."""
    ours, theirs = endpoint("whatsapp:+15005550006"), endpoint("whatsapp:US.1")
    native = native_thread(ours, theirs)
    assert (ours, theirs) == ends_of(native)
    assert (ours, theirs) == ends_of(f"{native}#conv_0000000000001")
    assert None is ends_of("something else")
    assert (ours, Endpoint(value="")) == ends_of(native_thread(ours, Endpoint(value="")))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"numbers": ()}, "numbers to name at least one"),
        ({"numbers": ("call me, please!",)}, "call me, please!"),
        ({"numbers": ("a name that is too long",)}, "numbers to hold"),
        ({"twilio": None}, "a table of one provider"),
    ],
)
def test_settings_say_what_is_wrong(more: dict[str, object], said: str) -> None:
    """Each fault names the setting and what was expected."""
    with pytest.raises(ValueError, match=said):
        phone_settings(**({"twilio": twilio_settings()} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"auth_token": ""}, "auth_token, or api_key with api_secret"),
        ({"api_key": "SK1"}, "api_key and api_secret together"),
        ({"base_url": "ftp://x"}, "base_url"),
    ],
)
def test_account_settings_say_what_is_wrong(more: dict[str, str], said: str) -> None:
    """A missing or lone secret is named, and none is shown."""
    given: dict[str, Any] = {k: Secret(v) if k == "auth_token" else v for k, v in more.items()}
    with pytest.raises(ValueError, match=said):
        twilio_settings(**given)


def test_names_are_senders() -> None:
    """Our side may be a short code or a name as well."""
    assert isinstance(
        phone_settings(twilio_settings(), numbers=("40404", "Example", "whatsapp:+15005550006")),
        PhoneSettings,
    )

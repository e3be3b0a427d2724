"""Webhooks are proven, and whatever is wrong with one is a 403."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from gateway import WebRequest
from gateway_sms_voice.providers.contract import NotProven
from gateway_sms_voice.providers.twilio.signature import Key, Signatures, form
from tests.unit.sms_voice.world import PUBLIC, phone

URL = f"{PUBLIC}/in/here/messages"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN, SHARED, OTHER = "the token", "the shared secret", "another"
KEYS = Signatures(
    [
        Key(secret=TOKEN),
        Key(secret="retired next week", algorithm="HMAC_SHA256", id="key_1"),
        Key(secret=SHARED, algorithm="HMAC_SHA256", id="key_2"),
    ]
)


def signed(
    body: bytes, *, secret: str = TOKEN, algorithm: str = "HMAC_SHA1", url: str = URL, **more: Any
) -> WebRequest:
    """A request that the provider's own SDK signed."""
    headers = {
        "x-twilio-signature": RequestValidator(secret).compute_signature(url, form(body), algorithm)
    }
    given: dict[str, Any] = {"public_url": URL, "headers": {**FORM, **headers}} | more
    return WebRequest(method="POST", path="/messages", body=body, **given)


@pytest.mark.parametrize(
    "body",
    [
        b"MessageSid=SM1&Body=",
        b"Body=a+b%2Bc%20%F0%9F%94%A5&MessageSid=SM1&New=one",
        b"Body=%0A%20padded%20&Twice=b&Twice=a&Twice=b",
        b"Body=Gr%C3%BC%C3%9Fe",
        b"",
    ],
)
def test_all_that_came_is_proven(body: bytes) -> None:
    """Blank, repeated, unknown and padded fields count as they came."""
    KEYS.verify(signed(body))


@pytest.mark.parametrize("url", [URL, URL.replace("example/", "example:443/")])
def test_the_default_port_may_be_written(url: str) -> None:
    """Senders write it or leave it out."""
    KEYS.verify(signed(b"a=1", url=url))
    KEYS.verify(signed(b"a=1", url=URL, public_url=URL.replace("example/", "example:443/")))


def test_query_and_path_count_as_they_are() -> None:
    """Nothing of the URL is decoded or put in another order."""
    url = f"{PUBLIC}/in/here/%2Fmess%20ages?b=2&a=%2B1&a="
    KEYS.verify(signed(b"x=y", url=url, public_url=url))


def test_shared_keys() -> None:
    """Each live key proves, by its id and algorithm; a key for one algorithm proves no other."""
    named = "key=key_2,algorithm=HMAC_SHA256"
    request = signed(b"a=1", secret=SHARED, algorithm="HMAC_SHA256")
    headers = dict(request.headers)
    for settings_header in (named, "algorithm=hmac_sha256", " algorithm = HMAC_SHA256 "):
        headers["x-twilio-webhooks-signature-settings"] = settings_header
        KEYS.verify(WebRequest(**{**_fields(request), "headers": headers}))
    for settings_header in (
        "",
        "key=key_1,algorithm=HMAC_SHA256",
        "key=key_9,algorithm=HMAC_SHA256",
        "key=key_2,algorithm=HMAC_SHA1",
        "key=key_2,algorithm=HMAC_MD5",
        "key=key_2,algorithm=none",
        ",,,=,",
    ):
        headers["x-twilio-webhooks-signature-settings"] = settings_header
        with pytest.raises(NotProven):
            KEYS.verify(WebRequest(**{**_fields(request), "headers": headers}))


def test_json_by_the_hash_in_its_url() -> None:
    """A body that is no form is proven by its hash, which is in the signed URL."""
    body = b'{"a": 1}'
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    request = WebRequest(method="POST", path="/x", public_url=url, headers=headers, body=body)
    KEYS.verify(request)
    with pytest.raises(NotProven):
        KEYS.verify(WebRequest(**{**_fields(request), "body": b'{"a": 2}'}))


@pytest.mark.parametrize(
    "change",
    [
        {"headers": FORM},
        {"headers": {**FORM, "x-twilio-signature": ""}},
        {"headers": {**FORM, "x-twilio-signature": "ü" * 28}},
        {"headers": {**FORM, "x-twilio-signature": "\udcff"}},
        {"body": b"MessageSid=SM1&Body=more"},
        {"body": b"MessageSid=SM1&Body=hello&Extra="},
        {"body": b"\xff\xfe"},
        {"body": b"%FF=%FF"},
        {"body": b"&".join(b"f%d=1" % n for n in range(2000))},
        {"public_url": URL.replace("https", "http")},
        {"public_url": URL.replace("gateway.", "gateway.evil.")},
        {"public_url": "https://[::1"},
        {"public_url": "https://user:pass@gateway.example:99999/in/here/messages"},
        {"public_url": ""},
        {"body": b"a=" + b"x" * 300_000},
    ],
)
def test_whatever_is_wrong_is_not_proven(change: dict[str, Any]) -> None:
    """A changed body, URL or signature, and what makes a validator stumble, proves nothing."""
    request = signed(b"MessageSid=SM1&Body=hello")
    KEYS.verify(request)
    with pytest.raises(NotProven) as told:
        KEYS.verify(WebRequest(**{**_fields(request), **change}))
    assert TOKEN not in told.value.reason


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_no_bytes_get_past(body: bytes, signature: str, kind: str, named: str) -> None:
    """Whatever comes is either proven or `NotProven`; nothing else comes out."""
    headers = {
        "x-twilio-signature": signature,
        "content-type": kind,
        "x-twilio-webhooks-signature-settings": named,
    }
    request = WebRequest(method="POST", path="/", public_url=URL, headers=headers, body=body)
    with pytest.raises(NotProven):
        KEYS.verify(request)


async def test_the_door_answers_403() -> None:
    """An unproven request is refused and stores nothing; the next proven one is taken."""
    async with phone() as world:
        fields = {"MessageSid": "SM1", "From": "+15551230001", "To": "+15005550006", "Body": "x"}
        assert 403 == await world.post("/messages", fields, body=b"MessageSid=SM2")
        assert 403 == await world.post("/messages", fields, headers={})
        assert [] == world.around.intake.accepted
        assert 200 == await world.post("/messages", fields)
        assert 400 == await world.post("/messages", {"Body": "no id"})
        assert ["SM1"] == [one.key for one in world.around.intake.accepted]


async def test_another_account() -> None:
    """What a known key signed for another account is not ours."""
    async with phone() as world:
        fields = {"MessageSid": "SM1", "To": "+15005550006", "From": "+1", "AccountSid": "AC2"}
        assert 403 == await world.post("/messages", fields)
        fields["AccountSid"] = world.double.sid
        assert 200 == await world.post("/messages", fields)


async def test_shared_key_end_to_end() -> None:
    """A number whose webhooks are signed with a shared key works beside the auth token."""
    from gateway import Secret
    from gateway_sms_voice.providers.twilio.settings import SigningKey

    key = SigningKey(id="key_2", secret=Secret(SHARED))
    async with phone(twilio={"signing_keys": (key,)}) as world:
        await world.text("by the token")
        world.double.webhooks.shared_key = ("key_2", SHARED)
        await world.text("by the key")
        assert 2 == len(world.around.intake.accepted)


def _fields(request: WebRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__struct_fields__}


def test_forms_keep_what_came() -> None:
    """Order, repetition and blanks survive reading."""
    assert MultiDict([("a", "1 "), ("b", ""), ("a", "2")]) == form(b"a=1%20&b=&a=2")

"""Signatures, against the reference implementation of Standard Webhooks."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some
from standardwebhooks import Webhook

from gateway import Secret
from gateway_webhook.signing import BadSignature, read_secret, sign, verify

KEY = bytes(range(32))
OLD = bytes(range(32, 64))
NOW = int(datetime.now(tz=UTC).timestamp())
BODY = '{"grüße":"ü"}'.encode()


def this_moment() -> int:
    """The time by which the independent implementation judges."""
    return int(datetime.now(tz=UTC).timestamp())


def secret(key: bytes = KEY) -> str:
    """Write a key as secrets are handed out."""
    return f"whsec_{base64.b64encode(key).decode()}"


@given(body=some.text(some.characters(exclude_categories=["Cs"])))
def test_the_reference_implementation_accepts_our_signature(body: str) -> None:
    """Whatever the body, the independent implementation verifies what we sign."""
    headers = sign([KEY], "msg_1", this_moment(), body.encode())
    Webhook(secret()).verify(body.encode(), headers, json_parse=False)


def test_either_secret_verifies_while_both_are_live() -> None:
    """An event signed with the new and the old secret is accepted by holders of either."""
    headers = sign([KEY, OLD], "msg_1", this_moment(), BODY)
    for key in (KEY, OLD):
        assert json.loads(BODY) == Webhook(secret(key)).verify(BODY, headers)


def test_we_accept_the_reference_implementations_signature() -> None:
    """What the independent implementation signs with one of our live secrets, we accept."""
    moment = datetime.fromtimestamp(NOW, tz=UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": Webhook(secret(OLD)).sign("msg_1", moment, BODY.decode()),
    }
    assert "msg_1" == verify([KEY, OLD], headers, BODY, now=NOW, tolerance=300)


def test_the_published_example_is_signed_as_published() -> None:
    """The example of the specification gives its published signature."""
    key = read_secret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == headers["webhook-signature"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"webhook-id": ""}, "the request has no webhook-id header"),
        ({"webhook-signature": ""}, "the request has no webhook-signature header"),
        ({"webhook-id": "msg_2"}, "no signature in webhook-signature fits"),
        ({"webhook-id": "x" * 256}, "webhook-id must be at most 255 printable ASCII characters"),
        ({"webhook-id": "msg_é"}, "webhook-id must be at most 255 printable ASCII characters"),
        ({"webhook-id": "msg\x00"}, "webhook-id must be at most 255 printable ASCII characters"),
        ({"webhook-timestamp": str(NOW - 301)}, "webhook-timestamp is off by more than 300"),
        ({"webhook-timestamp": str(NOW + 301)}, "webhook-timestamp is off by more than 300"),
        ({"webhook-timestamp": str(NOW + 1)}, "no signature in webhook-signature fits"),
        ({"webhook-timestamp": f"{NOW}.0"}, "webhook-timestamp must be whole seconds"),
        ({"webhook-timestamp": "nan"}, "webhook-timestamp must be whole seconds"),
        ({"webhook-timestamp": "²"}, "webhook-timestamp must be whole seconds"),
        ({"webhook-timestamp": "9" * 5000}, "webhook-timestamp must be whole seconds"),
        ({"webhook-signature": "v1,"}, "no signature in webhook-signature fits"),
        ({"webhook-signature": "v1a,AAAA v2,AAAA ,"}, "no signature in webhook-signature fits"),
        ({"webhook-signature": "v1,ü"}, "no signature in webhook-signature fits"),
        ({"webhook-signature": "v1,A " * 500}, "holds more than 16 signatures"),
    ],
)
def test_what_proves_nothing_is_refused(change: dict[str, str], sentence: str) -> None:
    """A missing, foreign, stale or malformed header is refused with a sentence."""
    headers = {**sign([KEY], "msg_1", NOW, BODY), **change}
    with pytest.raises(BadSignature, match=sentence):
        verify([KEY], headers, BODY, now=NOW, tolerance=300)


def test_a_changed_body_is_refused() -> None:
    """One byte more, less or other in the body, and the signature does not fit."""
    headers = sign([KEY], "msg_1", NOW, BODY)
    for body in (BODY + b" ", BODY[:-1], BODY.replace(b"g", b"h"), b""):
        with pytest.raises(BadSignature, match="fits the body and a known secret"):
            verify([KEY], headers, body, now=NOW, tolerance=300)


def test_the_sentence_shows_no_signature() -> None:
    """What the sender reads helps nobody to forge: neither the expected nor the given signature."""
    headers = sign([OLD], "msg_1", NOW, BODY)
    ours = sign([KEY], "msg_1", NOW, BODY)["webhook-signature"]
    with pytest.raises(BadSignature) as caught:
        verify([KEY], headers, BODY, now=NOW, tolerance=300)
    assert ours[3:] not in str(caught.value)


@pytest.mark.parametrize("padding", ["", "="])
def test_a_secret_is_read_with_or_without_padding_and_prefix(padding: str) -> None:
    """The forms in which secrets are handed out all give the same key."""
    text = base64.b64encode(KEY).decode().rstrip("=") + padding
    assert KEY == read_secret(Secret(text)) == read_secret(Secret(f"whsec_{text}"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("whsec_hunter2!", "to be whsec_ followed by base64"),
        ("whsec_ü", "to be whsec_ followed by base64"),
        ("whsec_", "to hold 24 to 64 bytes, not 0"),
        ("whsec_" + "A" * 28, "to hold 24 to 64 bytes, not 21"),
        ("whsec_" + "A" * 100, "to hold 24 to 64 bytes, not 75"),
    ],
)
def test_a_weak_or_garbled_secret_is_refused_unseen(text: str, sentence: str) -> None:
    """What is no secret is refused in words that do not show it."""
    with pytest.raises(ValueError, match=f"^{sentence}$") as caught:
        read_secret(Secret(text))
    assert "hunter2" not in str(caught.value)

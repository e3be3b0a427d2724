"""Twilio's signatures: over the public URL and every parameter that came.

Two kinds are live: HMAC-SHA1 with the account's auth token, and HMAC-SHA256 with shared keys that the
request names (https://www.twilio.com/docs/usage/webhooks/webhooks-security, …/webhook-shared-keys).
The computation is the provider's own (`twilio.request_validator`); its `validate` is not used, since it
raises on hostile input and compares in its own way.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from gateway import WebRequest
from gateway_sms_voice.providers.contract import NotProven

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MOST_FIELDS, MOST_BYTES = 1000, 262_144  # far beyond what is sent, and read before it is proven
_PORTS = {"https": 443, "http": 80}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key that may have signed a request.

    Args:
        id: the shared key's id, empty for an auth token.
    """

    secret: str
    algorithm: Literal["HMAC_SHA1", "HMAC_SHA256"] = "HMAC_SHA1"
    id: str = ""


class Signatures:
    """Proves requests.

    Args:
        keys: all that are live; one of them must have signed.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self._validators = [(key, RequestValidator(key.secret)) for key in keys]

    def verify(self, request: WebRequest) -> MultiDict[str]:
        """Prove one request; give its fields.

        Raises:
            NotProven: nothing of it may be believed; nothing else comes out.
        """
        try:
            return self._verify(request)
        except NotProven:
            raise
        except Exception as error:  # whatever a hostile request does to the computation
            raise NotProven(f"it cannot be checked ({type(error).__name__})") from error

    def _verify(self, request: WebRequest) -> MultiDict[str]:
        given = request.headers.get(SIGNATURE, "")
        if not given:
            raise NotProven("it has no X-Twilio-Signature header", claims=False)
        named = _named(request.headers.get(SETTINGS, ""))
        params = signed_fields(request)
        fits = 0
        tried = 0
        for key, validator in self._validators:
            if not _meant(key, named):
                continue
            tried += 1
            for url in _spellings(request.public_url):
                computed = validator.compute_signature(url, params, key.algorithm)
                # every pair is compared, so that the time taken does not tell which was close
                fits += hmac.compare_digest(computed.encode(), given.encode("utf-8", "replace"))
        if not tried:
            raise NotProven("it is signed with a key or an algorithm that is not configured")
        if not fits:
            raise NotProven(
                "no configured key gives its signature over this gateway's public URL: the auth "
                "token or signing key is another, or public_url is not what the provider calls"
            )
        return params


def signed_fields(request: WebRequest) -> MultiDict[str]:
    """Give the fields that a signature covers, all of them, as they came.

    Raises:
        NotProven: the body is neither a form nor JSON whose hash is in the signed URL.
    """
    if request.method == "GET" or not request.body:
        return MultiDict()
    if len(request.body) > MOST_BYTES:
        raise NotProven(f"its body is larger than {MOST_BYTES} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        return form(request.body)
    hashes = parse_qs(urlsplit(request.public_url).query).get("bodySHA256", [])
    digest = hashlib.sha256(request.body).hexdigest()
    if len(hashes) != 1 or not hmac.compare_digest(digest.encode(), hashes[0].lower().encode()):
        raise NotProven("its body is no form, and its URL does not hold the body's hash")
    return MultiDict()


def form(body: bytes) -> MultiDict[str]:
    """Read a form; names may repeat and values may be empty.

    Raises:
        ValueError: it has too many fields, or is not UTF-8.
    """
    return MultiDict(
        parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    )


def _named(settings: str) -> Mapping[str, str]:
    """Read ``key=ID,algorithm=NAME``; empty for a legacy request."""
    pairs = (part.partition("=") for part in settings.split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _meant(key: Key, named: Mapping[str, str]) -> bool:
    """Whether a request says that it is signed with this key, or leaves it open."""
    algorithm = named.get("algorithm", "HMAC_SHA1").upper()
    if key.algorithm != algorithm:
        return False
    return not key.id or not named.get("key") or key.id == named["key"]


def _spellings(url: str) -> tuple[str, ...]:
    """A URL with and without its scheme's own port: senders are not at one about it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    default = _PORTS.get(parts.scheme)
    if parts.port is None and default:
        other = f"{parts.netloc}:{default}"
    elif parts.port == default and default and host.endswith(f":{default}"):
        other = parts.netloc.removesuffix(f":{default}")
    else:
        return (url,)
    return (url, url.replace(parts.netloc, other, 1))

"""Settings of one webhook backend."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from gateway import Secret
from gateway_webhook.signing import read_secret

_URL = "url to be an http or https URL such as https://tickets.example/hook"


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``[backends.NAME]`` may say for ``type = "webhook"``."""

    url: Annotated[
        str, msgspec.Meta(description="Where events are posted to: an https or http URL.")
    ]
    secrets: Annotated[
        tuple[Secret, ...],
        msgspec.Meta(
            description="Signing secrets, whsec_ and base64 of 24 to 64 bytes, the newest first; "
            "events are signed with every one, so that secrets can be changed without a gap.",
            examples=[["${WEBHOOK_SECRET}"]],
        ),
    ]
    reply_secrets: Annotated[
        tuple[Secret, ...],
        msgspec.Meta(
            description="Secrets of which one must have signed a callback; "
            "empty takes those of the events."
        ),
    ] = ()
    timeout: Annotated[
        float,
        msgspec.Meta(gt=0, le=30, description="Seconds until an answer has to be complete."),
    ] = 15.0
    attachment_limit: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=50 * 1024 * 1024,
            description="Bytes of attachments an event carries; "
            "of those beyond it only name, type, size and hash are told.",
        ),
    ] = 5 * 1024 * 1024
    tolerance: Annotated[
        int,
        msgspec.Meta(ge=1, le=3600, description="Seconds a callback's timestamp may be off."),
    ] = 300
    probe_event: Annotated[
        bool,
        msgspec.Meta(description="A probe also posts a signed event of type ping."),
    ] = False

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: naming everything that was expected, and no secret.
        """
        faults = [_url_fault(self.url)]
        if not self.secrets:
            faults.append("secrets to hold at least one, since nobody can trust unsigned events")
        for name, secrets in (("secrets", self.secrets), ("reply_secrets", self.reply_secrets)):
            for place, secret in enumerate(secrets):
                try:
                    read_secret(secret)
                except ValueError as error:
                    faults.append(f"{name}[{place}] {error}")
        if wanted := "; ".join(filter(None, faults)):
            raise ValueError(wanted)

    @property
    def origin(self) -> str:
        """The URL without path and query, which may hold a secret: fit for logs."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # a label may be too long, or empty
        fits = parts.scheme in ("http", "https") and host and parts.port != 0
    except ValueError:
        return _URL
    if not fits or not url.isprintable() or " " in url:
        return _URL
    if parts.username is not None or parts.fragment:
        return "url to hold no user name, password or fragment"
    return ""

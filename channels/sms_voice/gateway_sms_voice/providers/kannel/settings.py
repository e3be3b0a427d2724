"""Settings of a Kannel."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from gateway import Secret
from gateway_sms_voice.providers.kannel.fields import Plain

SHORTEST_SECRET = 16


class KannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Kannel that the operator runs."""

    url: Annotated[
        str,
        Meta(description="Where its smsbox takes messages: sendsms-interface and sendsms-port."),
    ] = "http://127.0.0.1:13013"
    username: Annotated[str, Meta(pattern=r"^[!-~]+$", description="The sendsms-user's username.")]
    password: Annotated[Secret, Meta(description="The sendsms-user's password.")]
    webhook_secret: Annotated[
        Secret,
        Meta(
            description="At least 16 letters that stand in the post-url of Kannel's sms-service, "
            "and prove that a request is Kannel's."
        ),
    ]
    allowed_ips: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks that Kannel calls from; none other is let in."),
    ] = ("127.0.0.1", "::1")
    gateway_url: Annotated[
        str,
        Meta(
            description="Where Kannel reaches this gateway for delivery reports, such as "
            "http://127.0.0.1:8080; empty for the gateway's public_url."
        ),
    ] = ""
    smsc: Annotated[
        str,
        Meta(
            pattern=r"^[!-~]*$",
            description="The smsc-id to send through; empty for Kannel's choice.",
        ),
    ] = ""
    plain_numbers: Annotated[
        Plain,
        Meta(
            description="What the SMS centre means by a number of more than six digits that begins "
            "with neither + nor 0: international (491701234567) or national, of region; keep "
            "answers it as it came, but does not know the person on other channels."
        ),
    ] = "keep"
    max_parts: Annotated[
        int,
        Meta(
            ge=1, le=255,
            description="Most segments of one SMS; at most the sendsms-user's max-messages, beyond "
            "which Kannel cuts texts off. A longer text goes out as several numbered SMS.",
        ),
    ] = 10  # fmt: skip
    per_second: Annotated[
        float,
        Meta(
            ge=0, le=1000,
            description="SMS a second that one number hands over; 0 leaves the pace to Kannel's "
            "queue and its smsc's throughput.",
        ),
    ] = 0.0  # fmt: skip
    status_url: Annotated[
        str,
        Meta(
            description="Where its bearerbox tells how it is (admin-interface and admin-port), such "
            "as http://127.0.0.1:13000; empty to not ask."
        ),
    ] = ""
    status_seconds: Annotated[
        float, Meta(ge=1, le=3600, description="How often it is asked, in seconds.")
    ] = 60.0
    status_password: Annotated[Secret, Meta(description="The core's status-password.")] = Secret("")
    timeout: Annotated[
        float, Meta(gt=0, le=40, description="Seconds until an answer has to be complete.")
    ] = 15.0

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: naming everything that was expected, and no secret.
        """
        faults = [
            f"{name} to be an http or https URL without a query"
            for name in ("url", "gateway_url", "status_url")
            if not _is_url(getattr(self, name), optional=name != "url")
        ]
        secret = self.webhook_secret.reveal()
        if len(secret) < SHORTEST_SECRET or not _is_plain(secret):
            faults.append(
                f"webhook_secret to have at least {SHORTEST_SECRET} letters, digits, - or _"
            )
        if not self.password or not self.password.reveal().isprintable():
            faults.append("password, of letters that can be typed")
        faults += [
            f"allowed_ips to hold addresses or networks, not {one!r}"
            for one in self.allowed_ips
            if not _is_network(one)
        ]
        if not self.allowed_ips:
            faults.append("allowed_ips to name where Kannel calls from")
        if faults:
            raise ValueError("; ".join(faults))


def _is_url(text: str, *, optional: bool) -> bool:
    if not text:
        return optional
    try:
        parts = urlsplit(text)
        usable = parts.port != 0 and parts.scheme in ("http", "https")
    except ValueError:
        return False
    return usable and bool(parts.hostname) and not (parts.query or parts.fragment)


def _is_plain(secret: str) -> bool:
    """Whether it stands in a URL as it is, which Kannel's ``%`` escapes would not let it otherwise."""
    return secret.isascii() and all(letter.isalnum() or letter in "-_" for letter in secret)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True

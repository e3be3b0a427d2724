"""Settings of one Request Tracker."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from gateway import Secret

MIB = 1 << 20
_URL = "url to be an http or https URL such as https://rt.example.com"
State = Literal["open", "waiting", "held", "resolved", "closed"]
STATES: dict[str, State] = {
    "new": "open",
    "open": "open",
    "stalled": "waiting",
    "resolved": "resolved",
    "rejected": "closed",
    "deleted": "closed",
}
"""The statuses of RT's own lifecycle."""

FieldName = Annotated[str, Meta(min_length=1, pattern=r"^[^{}'\"\\]+\Z")]


class RtSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``[backends.NAME]`` may say for ``type = "rt"``."""

    url: Annotated[
        str,
        Meta(
            description="RT's front page: an https or http URL.",
            examples=["https://rt.example.com"],
        ),
    ]
    token: Annotated[
        Secret,
        Meta(
            description="API token of the gateway's own RT user (Settings, Auth Tokens).",
            examples=["${RT_TOKEN}"],
        ),
    ]
    queue: Annotated[
        str, Meta(min_length=1, description="Queue of new tickets where routing names none.")
    ] = "General"
    ticket_field: Annotated[
        FieldName,
        Meta(description="Custom field of tickets by which the gateway finds its own again."),
    ] = "gateway_id"
    entry_field: Annotated[
        FieldName,
        Meta(description="Custom field of transactions by which it finds its own entries again."),
    ] = "gateway_delivery"
    reopen_status: Annotated[
        str,
        Meta(
            description="Status that a resolved or waiting ticket takes when the customer writes."
        ),
    ] = "open"
    statuses: Annotated[
        dict[str, State],
        Meta(
            description="What further statuses of your lifecycles mean; RT's own are known. "
            "A customer who writes to a closed ticket gets a new one.",
            examples=[{"escalated": "held"}],
        ),
    ] = {}
    poll_seconds: Annotated[
        float, Meta(ge=0.2, le=3600, description="How often agents' answers are fetched, seconds.")
    ] = 5.0
    ca_file: Annotated[str, Meta(description="Further authority for its certificate.")] = ""
    connect_seconds: Annotated[
        float, Meta(gt=0, le=60, description="Time a connection may take, in seconds.")
    ] = 10.0
    timeout: Annotated[
        float, Meta(gt=0, le=600, description="Time a request may take altogether, in seconds.")
    ] = 45.0
    file_limit: Annotated[
        int,
        Meta(
            ge=0,
            le=30 * MIB,
            description="Bytes of files an agent's answer may bring along, all together; "
            "of those beyond it only the names are told.",
        ),
    ] = 20 * MIB

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: with what was expected.
        """
        if fault := _url_fault(self.url):
            raise ValueError(fault)
        if not self.token:
            raise ValueError("token to be an API token, which RT shows once when it is made")

    @property
    def states(self) -> dict[str, State]:
        """What each status means, in the gateway's words."""
        return {**STATES, **self.statuses}


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return _URL
    if not fits or not url.isprintable() or " " in url:
        return _URL
    if parts.username is not None or parts.query or parts.fragment:
        return "url to hold no user name, password, query or fragment"
    return ""

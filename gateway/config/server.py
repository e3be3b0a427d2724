"""Settings of the gateway itself: where it keeps its data, listens, and whom it lets in."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.config.addresses import Listen, Network
from gateway.config.invalid import InvalidSetting
from gateway.config.secret import Secret
from gateway.config.storage import S3_PLACE, S3Settings

MIB = 1024 * 1024
Scope = Literal["read", "reply", "operate", "erase", "admin"]
_PASSWORD = re.compile(r"(://[^/@:\s]*:)\S*(@)")  # up to the last @, if it holds one unescaped


def mask_password(text: str) -> str:
    """Hide the password in a URL."""
    return _PASSWORD.sub(r"\1•••\2", text)


class GatewaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What this gateway is called, where it keeps its data, and how it logs."""

    name: Annotated[
        str, Meta(min_length=1, description="Name of this installation, shown in logs and pages.")
    ] = "gateway"
    data: Annotated[
        str,
        Meta(
            min_length=1,
            description="Folder for the database, attachments and generated keys; a path that is "
            "not absolute starts at the config file's folder.",
        ),
    ] = "var"
    public_url: Annotated[
        str,
        Meta(
            description="The URL under which the world reaches the gateway; webhook signatures "
            "are checked over it. Empty if nothing calls in.",
            examples=["https://gateway.example.com"],
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least level logged.")
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"],
        Meta(description="Lines for people (console) or for a log collector (json)."),
    ] = "console"

    def __post_init__(self) -> None:
        """Refuse a public URL that no request could have.

        Raises:
            InvalidSetting: if it is not an http(s) URL.
        """
        if self.public_url and not re.fullmatch(
            r"https?://[^\s/?#@]+(/[^\s?#]*)?", self.public_url
        ):
            raise InvalidSetting(
                "public_url to be an http:// or https:// URL without user, query and fragment",
                found=repr(mask_password(self.public_url)),
            )


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(sqlite|postgresql)(\+[a-z]+)?://",
            description="sqlite:///PATH for one process, postgresql://USER:PASSWORD@HOST/DATABASE "
            "for more, and ?sslmode=verify-full&sslrootcert=FILE behind it for TLS; {data} stands for "
            "the data folder.",
            extra={"expects": "a URL that begins with sqlite:// or postgresql://"},
        ),
    ] = "sqlite:///{data}/gateway.db"
    max_queue_rows: Annotated[
        int,
        Meta(ge=1, description="Arrivals that may wait for a commit before senders get a 503."),
    ] = 10_000
    max_queue_bytes: Annotated[
        int, Meta(ge=MIB, description="Bytes that may wait for a commit before senders get a 503.")
    ] = 256 * MIB
    blobs: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where attachments and bodies over 256 KiB are kept: a folder (a path that "
            "is not absolute starts at the config file's folder), or s3://BUCKET/PREFIX, which "
            "gateways on several machines need. {data} stands for the data folder.",
        ),
    ] = "{data}/blobs"
    s3: Annotated[
        S3Settings, Meta(description="How the object store of an s3:// address is reached.")
    ] = field(default_factory=S3Settings)

    def __post_init__(self) -> None:
        """Refuse the address of an object store that names no bucket.

        Raises:
            InvalidSetting: with what was expected.
        """
        if "://" in self.blobs and not S3_PLACE.fullmatch(self.blobs):
            raise InvalidSetting(
                "blobs to be a folder or s3://BUCKET/PREFIX", found=repr(mask_password(self.blobs))
            )

    lease_seconds: Annotated[
        float,
        Meta(
            ge=1,
            description="How long one of several processes on PostgreSQL may be silent before the "
            "others take its work over, in seconds.",
        ),
    ] = 15.0

    api_role: Annotated[
        str,
        Meta(
            description="Role of PostgreSQL as which the API and the pages read, so that row-level "
            "security keeps tenants apart a second time; empty for the gateway's own user.",
            examples=["gateway_api"],
        ),
    ] = ""

    def __repr__(self) -> str:
        return f"StoreSettings(url={mask_password(self.url)!r}, blobs={self.blobs!r})"


class WebSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP server for webhooks, API, pages and health."""

    listen: Annotated[
        Listen, Meta(description="HOST:PORT to listen on; port 0 lets the system choose.")
    ] = field(default_factory=lambda: Listen("127.0.0.1", 8080))
    body_limit: Annotated[
        int, Meta(ge=1024, description="Largest request body in bytes; a larger one gets a 413.")
    ] = 30 * MIB
    request_seconds: Annotated[
        float, Meta(gt=0, description="Time a request may take before it is cut off, in seconds.")
    ] = 30.0
    probes: Annotated[
        Listen | None,
        Meta(
            description="HOST:PORT where this process alone answers /livez, /readyz and /metrics; "
            "the second worker on the port after it, and so on. For scraping several workers.",
            examples=["127.0.0.1:9100"],
        ),
    ] = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Meta(
            description="Addresses or networks of proxies whose X-Forwarded-For is believed.",
            examples=[["10.0.0.0/8"]],
        ),
    ] = ()


class ApiToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token for the API: what it may do, and for which tenants."""

    token: Annotated[
        Secret,
        Meta(
            description="What the client sends as a bearer token; at least 16 characters.",
            examples=["${GATEWAY_API_TOKEN}"],
            extra={"least": 16},
        ),
    ]
    scopes: Annotated[
        tuple[Scope, ...],
        Meta(
            min_length=1,
            description="read: see everything; reply: write to customers and notes; operate: "
            "replay, discard, merge; erase: erase people who ask for it; admin: all of it.",
        ),
    ] = ("read",)
    tenants: Annotated[
        tuple[str, ...], Meta(min_length=1, description='Tenants it may see; ["*"] for all.')
    ] = ("default",)


class ApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON API."""

    tokens: Annotated[
        dict[str, ApiToken], Meta(description="Tokens by name; without any the API is closed.")
    ] = {}


class SecretsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys the gateway signs with."""

    reply_keys: Annotated[
        tuple[Annotated[Secret, Meta(extra={"least": 32})], ...],
        Meta(
            description="Keys that sign reply addresses, newest first; older ones are still "
            "accepted. At least 32 characters each. Empty: one is made and kept in the data folder.",
            examples=[["file:reply.key"]],
        ),
    ] = ()

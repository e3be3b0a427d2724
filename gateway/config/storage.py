"""Settings of an object store that keeps attachments and large bodies."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from gateway.config.invalid import InvalidSetting
from gateway.config.secret import Secret

S3_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>[^?#]*))?")


class S3Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an S3-compatible object store is reached."""

    endpoint: Annotated[
        str,
        Meta(
            description="URL of the server; empty for Amazon's own.",
            examples=["https://objects.example.com"],
        ),
    ] = ""
    region: Annotated[
        str, Meta(min_length=1, description="The region that requests are signed for.")
    ] = "us-east-1"
    access_key: Annotated[
        Secret | None,
        Meta(
            description="Without it the usual AWS_… variables, or the role of the machine, are "
            "used.",
        ),
    ] = None
    secret_key: Annotated[
        Secret | None,
        Meta(description="What belongs to access_key."),
    ] = None
    path_style: Annotated[
        bool,
        Meta(description="The bucket is in the path, as most servers but Amazon's want it."),
    ] = True
    seconds: Annotated[float, Meta(gt=0, description="Time one request may take, in seconds.")] = (
        10.0
    )
    retry_seconds: Annotated[
        float,
        Meta(ge=0, description="How long a failed request is tried again, in seconds."),
    ] = 15.0

    def __post_init__(self) -> None:
        """Refuse an endpoint that is none, and half a pair of keys.

        Raises:
            InvalidSetting: with what was expected.
        """
        if self.endpoint and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", self.endpoint):
            raise InvalidSetting(
                "endpoint to be an http:// or https:// URL without user, query and fragment"
            )
        if (self.access_key is None) != (self.secret_key is None):
            raise InvalidSetting("access_key and secret_key to be given both, or neither")

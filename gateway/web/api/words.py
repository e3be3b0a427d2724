"""Texts that a call may bring."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

# The look-ahead is there because Python's $ would let a line feed pass at the end.
ONE_LINE = r"^[^\u0000-\u001f\u007f\u2028\u2029]*(?!\n)$"
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?(?!\n)$"

Line: TypeAlias = Annotated[
    str,
    Meta(
        max_length=255,
        pattern=ONE_LINE,
        extra={"expects": "one line of text, of at most 255 characters"},
    ),
]
Text: TypeAlias = Annotated[
    str,
    Meta(
        max_length=1_000_000,
        pattern=r"\S",
        description="Plain text, not empty.",
        extra={"expects": "a text that is not empty"},
    ),
]
Base64: TypeAlias = Annotated[
    bytes, Meta(description="The bytes, in base64.", extra_json_schema={"pattern": BASE64})
]

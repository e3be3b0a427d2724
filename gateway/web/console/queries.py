"""What may stand behind the path of a page; anything else is refused, as by the API."""

from __future__ import annotations

from msgspec import Struct


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a page that has none."""


class Older(Struct, frozen=True, forbid_unknown_fields=True):
    """The page that follows, of a list that begins with the newest."""

    before: str = ""


class Later(Struct, frozen=True, forbid_unknown_fields=True):
    """The page that follows, of a list that begins with the oldest."""

    after: str = ""

"""Settings of one desk."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway import Secret

LEAST_TOKEN = 16


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``[backends.NAME]`` may say for ``type = "desk"``."""

    token: Annotated[
        Secret | None,
        msgspec.Meta(
            description="Bearer token for the desk's own JSON API below /in/NAME, "
            "at least 16 characters. Without one that API is not offered."
        ),
    ] = None
    reopen: Annotated[
        bool,
        msgspec.Meta(
            description="A customer's answer to a closed ticket reopens it; "
            "if false it opens a new ticket."
        ),
    ] = True

    def __post_init__(self) -> None:
        """Refuse a token that can be guessed.

        Raises:
            ValueError: if it is shorter than 16 characters.
        """
        if self.token and len(self.token.reveal()) < LEAST_TOKEN:
            raise ValueError(
                f"token to have at least {LEAST_TOKEN} characters, as openssl rand -hex 24 makes it"
            )

"""What a setting's own type raises when it cannot be read."""

from __future__ import annotations


class InvalidSetting(ValueError):
    """A setting cannot be read.

    Args:
        expected: what was expected, in words.
        found: what was found; never a secret.
        hint: what to do about it.
    """

    def __init__(self, expected: str, *, found: str = "", hint: str = "") -> None:
        self.expected, self.found, self.hint = expected, found, hint
        super().__init__(expected)

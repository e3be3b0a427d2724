"""What one instance of a channel takes up, by its settings alone."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What one instance takes up; instances are compared before anything starts.

    Each is named by the setting that says so, as it stands below ``[channels.NAME]``.

    Args:
        listens: addresses it listens on, as host and port: ``{"lmtp": ("127.0.0.1", 8024)}``.
        owns: what no other instance may have as well, in words.
        serves: addresses whose messages it takes in; two instances with the same one get a warning.
        doubts: what works but is hardly meant, as a sentence; it becomes a warning.
    """

    listens: Mapping[str, tuple[str, int]] = {}
    owns: Mapping[str, str] = {}
    serves: Mapping[str, str] = {}
    doubts: Mapping[str, str] = {}

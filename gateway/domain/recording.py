"""Recordings of speech, and what was said in them."""

from __future__ import annotations

import msgspec

from gateway.domain.message import Attachment

MARK = "recording"
TRANSCRIPTS = "transcripts"


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Speech that nobody has written down yet.

    Args:
        attachment: of the message it belongs to.
        data: the sound, as `attachment.media_type` and `attachment.sniffed` say.
    """

    attachment: Attachment
    data: bytes


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What is said in a recording.

    Args:
        language: two letters, if it was recognised.
        confidence: 0 to 1; below a half the agent is told to listen.
    """

    text: str
    language: str = ""
    confidence: float = 1.0

"""A message together with its media: what follows an arrival once they were fetched.

Reading is pure, so the bytes have to be in the arrival. The webhook's arrival is stored and acknowledged as
it came; what was fetched afterwards is stored as an arrival of its own, which holds the first one and
every medium, and is read as a new revision of the message. A replay uses the bytes that were fetched then.
Until then the message is quiet, so that its ticket is opened once and with everything in it; when the first
try fails it is told as it stands, with what is missing as pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from gateway import Arrival, Draft, NewArrival, Parsed, UnreadableArrival
from gateway_sms_voice.providers.contract import Reader

KIND = "media"


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """One medium as it was fetched, or why it was not.

    Args:
        media_type: as the server that gave it says; empty to keep what the message claims.
    """

    data: bytes = b""
    media_type: str = ""
    state: Literal["stored", "pending", "too_large", "unavailable", "blocked"] = "stored"
    reason: str = ""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The arrival that names the media."""

    key: str
    lane: str
    kind: str
    body: bytes
    content_type: str = ""
    headers: dict[str, str] = {}
    remote: dict[str, Any] = {}


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """The body of what follows."""

    original: Original
    media: tuple[Medium, ...]


_decoder = msgspec.msgpack.Decoder(Completed)


def original_of(arrival: NewArrival) -> Original:
    """Keep what an arrival is made of."""
    return Original(
        key=arrival.key, lane=arrival.lane, kind=arrival.kind, body=arrival.body,
        content_type=arrival.content_type, headers=arrival.headers, remote=arrival.remote,
    )  # fmt: skip


def completed(original: Original, media: Sequence[Medium], attempt: int) -> NewArrival:
    """Make the arrival of a message with its media.

    Args:
        attempt: how often they were tried; each that brought something is an arrival of its own.
    """
    return NewArrival(
        key=f"{original.key}/{KIND}/{attempt}", lane=original.lane, kind=KIND,
        body=msgspec.msgpack.encode(Completed(original=original, media=tuple(media))),
        content_type="application/msgpack",
        remote={"media": [one.state for one in media], "of": original.key},
    )  # fmt: skip


class CompletingReader(msgspec.Struct, frozen=True, kw_only=True):
    """Reads a provider's arrivals, and what followed them."""

    read: Reader

    def __call__(self, arrival: Arrival) -> Sequence[Parsed]:
        """Read one arrival.

        Raises:
            UnreadableArrival: it is not what was stored.
        """
        if arrival.kind != KIND:
            return self.read(arrival)
        try:
            found = _decoder.decode(arrival.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableArrival(f"the body is no message with media: {error}") from error
        first = found.original
        read = self.read(
            msgspec.structs.replace(
                arrival, key=first.key, lane=first.lane, kind=first.kind, body=first.body,
                content_type=first.content_type, headers=first.headers, remote=first.remote,
            )
        )  # fmt: skip
        return [_with_media(one, found.media) if isinstance(one, Draft) else one for one in read]


def _with_media(draft: Draft, media: Sequence[Medium]) -> Draft:
    attachments = [
        msgspec.structs.replace(
            attachment, data=medium.data if medium.state == "stored" else None,
            state=medium.state, media_type=medium.media_type or attachment.media_type,
        )
        for attachment, medium in zip(draft.attachments, media, strict=False)
    ]  # fmt: skip
    attachments += [
        msgspec.structs.replace(one, state="unavailable")
        for one in draft.attachments[len(attachments) :]
    ]
    reasons = (*draft.reasons, *(one.reason for one in media if one.reason))
    return msgspec.structs.replace(
        draft, attachments=tuple(attachments), revises=draft.external_ids[0], reasons=reasons,
        quiet=False,
    )  # fmt: skip

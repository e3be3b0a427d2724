"""The events that are sent, as JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from gateway import Address, Attachment, Forward, Person

EventType = Literal["ticket.open", "ticket.entry", "ping"]
_FIT_ID = re.compile(r"[A-Za-z0-9_:/@+=-]{1,200}")


class SentAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file as an event carries it.

    Args:
        content: the bytes in base64, null if `state` says why not, or it is over the limit.
    """

    name: str
    media_type: str
    size: int
    sha256: str
    content_id: str
    inline: bool
    state: str
    content: bytes | None


def event_id(type_: EventType, forward: Forward) -> str:
    """Make an event's id: the same for every attempt, so that a receiver can use it as its key.

    A full stop separates the parts that are signed, so no id holds one. The two events have
    different ids, because the message of a refused ``ticket.entry`` may open a new ticket.
    """
    key = forward.key
    if not _FIT_ID.fullmatch(key):
        key = f"key_{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return key if type_ == "ticket.open" else f"{key}-entry"


def event_body(
    type_: EventType, forward: Forward, contents: Mapping[str, bytes], *, ticket: str, now: int
) -> bytes:
    """Write an event.

    Args:
        contents: the bytes of the attachments that are sent along, by their hash.
        ticket: the ticket's id in the receiver, empty when it is to be opened.
        now: milliseconds since the Unix epoch.
    """
    data: dict[str, Any] = {
        "key": forward.key,
        "tenant": forward.tenant,
        "conversation": forward.conversation,
        "message": forward.message,
        "ticket": ticket or None,
        "channel": forward.channel,
        "audience": forward.audience,
        "kind": forward.kind,
        "author": _address(forward.author),
        "author_kind": forward.author_kind,
        "requester": _person(forward.requester),
        "others": [_person(person) for person in forward.others],
        "subject": forward.subject,
        "text": forward.text,
        "quoted": forward.quoted,
        "html": forward.html,
        "language": forward.language,
        "attachments": [_attachment(file, contents) for file in forward.attachments],
        "queue": forward.queue,
        "tier": forward.tier,
        "priority": forward.priority,
        "tags": forward.tags,
        "sent_at": None if forward.sent_at is None else moment(forward.sent_at),
        "automated": forward.automated,
        "repeat": forward.repeat,
        "remarks": forward.remarks,
        "extra": forward.extra,
    }
    return msgspec.json.encode({"type": type_, "timestamp": moment(now), "data": data})


def ping_body(now: int) -> bytes:
    """Write the event of a probe."""
    return msgspec.json.encode({"type": "ping", "timestamp": moment(now), "data": {}})


def moment(milliseconds: int) -> str:
    """Write a moment by RFC 3339 in UTC."""
    value = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(address: Address | None) -> dict[str, str] | None:
    if address is None:
        return None
    return {
        "scheme": address.scheme,
        "value": address.value,
        "name": address.name,
        "scope": address.scope,
    }


def _person(person: Person | None) -> dict[str, Any] | None:
    if person is None:
        return None
    return {"role": person.role, "address": _address(person.address)}


def _attachment(file: Attachment, contents: Mapping[str, bytes]) -> SentAttachment:
    content = contents.get(file.sha256) if file.state == "stored" else None
    return SentAttachment(
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        content_id=file.content_id,
        inline=file.inline,
        state=file.state,
        content=content,
    )

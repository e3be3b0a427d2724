"""The values that a Request Tracker answers with, decoded and checked."""

from __future__ import annotations

import datetime as dt
from base64 import b64decode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from gateway_rt.errors import RtRefused, RtUnknown

SUCCESS = frozenset({"Correspondence added", "Comments added"})
TEXT_LIMIT = 500


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be attached."""

    name: str
    media_type: str
    content: bytes


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One attachment of an entry; ``content`` is None where it is over the size limit."""

    id: int
    name: str
    media_type: str
    size: int
    content: bytes | None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket. ``effective_id`` is another ticket's where this one was merged into it."""

    id: int
    effective_id: int
    status: str
    subject: str
    queue_id: int
    creator: str
    requestors: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue, with the names of the custom fields of its tickets and of their entries."""

    id: int
    name: str
    disabled: bool
    ticket_fields: frozenset[str]
    entry_fields: frozenset[str]


class EntryHead(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry (RT: transaction) of which ticket, whose, and when."""

    id: int
    ticket: int
    kind: str
    creator: str
    created: dt.datetime
    old_value: str
    new_value: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with what was written; of ``text`` and ``html`` either may be empty."""

    head: EntryHead
    text: str
    html: str
    message_id: str
    files: tuple[Part, ...]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a correspondence or comment.

    ``id`` is the new entry's, where the server named it; ``notes`` are its further remarks, such
    as that a custom field is not known.
    """

    id: int | None
    notes: tuple[str, ...]


def decode_ticket(answer: Any) -> Ticket:
    """Return the ticket that ``GET /ticket/ID`` answered with."""
    return Ticket(
        id=int(answer["id"]),
        effective_id=int(answer.get("EffectiveId", {}).get("id", answer["id"])),
        status=answer["Status"],
        subject=answer.get("Subject", ""),
        queue_id=int(answer["Queue"]["id"]),
        creator=_user(answer.get("Creator")),
        requestors=tuple(_user(each) for each in answer.get("Requestor", ())),
        fields={
            field["name"]: tuple(str(value) for value in field["values"])
            for field in answer.get("CustomFields") or ()
        },
    )


def decode_queue(answer: Any) -> Queue:
    """Return the queue that ``GET /queue/NAME`` answered with."""
    return Queue(
        id=int(answer["id"]),
        name=answer["Name"],
        disabled=str(answer.get("Disabled", "0")) != "0",
        ticket_fields=_field_names(answer.get("TicketCustomFields")),
        entry_fields=_field_names(answer.get("TicketTransactionCustomFields")),
    )


def decode_head(answer: Any) -> EntryHead:
    """Return one item of what ``GET /transactions`` answered with."""
    return EntryHead(
        id=int(answer["id"]),
        ticket=int(answer["ObjectId"]),
        kind=answer["Type"],
        creator=_user(answer.get("Creator")),
        created=dt.datetime.fromisoformat(answer["Created"]),
        old_value=answer.get("OldValue") or "",
        new_value=answer.get("NewValue") or "",
    )


def decode_content(answer: Any) -> bytes:
    """Return the bytes that ``GET /attachment/ID`` answered with; RT sends all in base64."""
    return b64decode(answer.get("Content") or "")


def decode_written(answer: Any, *, status: int, location: str) -> Written:
    """Return what became of a correspondence or comment.

    The address of the new entry proves success in any language; without it only the English
    sentence does.

    Raises:
        RtRefused: a list of texts, none of them the sentence of success.
        RtUnknown: not a list of texts at all.
    """
    if not isinstance(answer, list) or not all(isinstance(text, str) for text in answer):
        raise_if_error(answer, status=status)
        raise RtUnknown("RT's answer to an entry is not a list of texts", status=status)
    path, _, number = location.rpartition("/")
    named = path.endswith("/transaction") and number.isascii() and number.isdigit()
    if not named and not (answer and answer[0] in SUCCESS):
        raise RtRefused(f"RT did not record the entry: {shorten('; '.join(answer))}", status=status)
    return Written(id=int(number) if named else None, notes=tuple(answer[1:]))


def decode_created(answer: Any, *, status: int) -> int:
    """Return the number of the ticket that ``POST /ticket`` created.

    Raises:
        RtRefused: the answer, though a success by its status, holds an error text.
        RtUnknown: it holds neither a ticket nor an error.
    """
    number = answer.get("id") if isinstance(answer, dict) else None
    if isinstance(number, int | str) and str(number).isascii() and str(number).isdigit():
        return int(number)
    raise_if_error(answer, status=status)
    raise RtUnknown("RT's answer to a new ticket names no ticket", status=status)


def raise_if_error(answer: Any, *, status: int) -> None:
    """Raise what a success by its status says in its body, where that is an error.

    Raises:
        RtRefused: the body is a ``message``, or a list of texts.
    """
    texts = answer if isinstance(answer, list) else [error_text(answer)]
    text = "; ".join(str(each) for each in texts if each)
    if text:
        raise RtRefused(f"RT answered: {shorten(text)}", status=status)


def error_text(answer: Any) -> str:
    """Return the text of an error answer, or nothing where it has none."""
    message = answer.get("message") if isinstance(answer, dict) else None
    return shorten(str(message).strip()) if message else ""


def shorten(text: str) -> str:
    """Return ``text`` at a length that fits a log line."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def parse_retry_after(value: str | None, *, now: dt.datetime) -> float | None:
    """Return the seconds that a Retry-After field asks for, at least 0 (RFC 9110, 10.2.3).

    Args:
        value: the field, a number of seconds or a date; None where there is none.
        now: the time to count from, with a time zone.

    Returns:
        None where the field is missing or makes no sense.
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())


def header(headers: str, name: str) -> str:
    """Return one field of the header block that RT keeps of a part, or nothing."""
    for line in headers.splitlines():
        found, _, value = line.partition(":")
        if found.lower() == name.lower():
            return value.strip()
    return ""


def _user(answer: Any) -> str:
    return str(answer.get("id", "")) if isinstance(answer, dict) else ""


def _field_names(answer: Any) -> frozenset[str]:
    return frozenset(field["name"] for field in answer or ())

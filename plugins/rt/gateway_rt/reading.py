"""What was heard from RT, as stored, and what it says to the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Annotated, Literal

import msgspec

from gateway import (
    AgentReply,
    Arrival,
    DraftAttachment,
    Parsed,
    TicketChange,
    UnreadableArrival,
)
from gateway_rt.settings import State


class HeardFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an entry; ``content`` is None where it is over the limit."""

    name: str
    media_type: str
    content: bytes | None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of one ticket.

    Args:
        kind: ``reply`` to the customer, ``note`` among agents, ``customer`` for what the customer
            wrote in RT itself, ``status``, or ``unreadable`` with the reason in `text`.
        at: milliseconds since the Unix epoch.
    """

    kind: Literal["reply", "note", "customer", "status", "unreadable"]
    ticket: str
    entry: str
    at: Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
    author: str = ""
    author_id: str = ""
    text: str = ""
    html: str = ""
    files: tuple[HeardFile, ...] = ()
    old_status: str = ""
    new_status: str = ""


def read_arrival(states: Mapping[str, State], arrival: Arrival) -> Sequence[Parsed]:
    """Read a stored entry.

    Args:
        states: what each of RT's statuses means.

    Raises:
        UnreadableArrival: it holds no entry.
    """
    try:
        heard = msgspec.json.decode(arrival.body, type=Heard)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableArrival(f"this is no entry as the gateway stores it: {error}") from error
    if heard.kind == "unreadable":
        raise UnreadableArrival(heard.text)
    if heard.kind == "status":
        return [_change(states, heard)]
    return [_reply(heard)]


def _change(states: Mapping[str, State], heard: Heard) -> TicketChange:
    """A change between two statuses of one meaning, such as new to open, is only noted."""
    state = states.get(heard.new_status)
    same = state == states.get(heard.old_status)
    return TicketChange(
        ticket=heard.ticket, state="" if same or state is None else state, native_state=heard.new_status,
        at=heard.at,
    )  # fmt: skip


def _reply(heard: Heard) -> AgentReply:
    text = heard.text or plain(heard.html)
    if heard.kind == "customer":
        text = f"[The customer wrote this in Request Tracker itself.]\n\n{text}"
    return AgentReply(
        ticket=heard.ticket, entry=heard.entry, author=heard.author, author_id=heard.author_id,
        audience="customer" if heard.kind == "reply" else "internal", text=text,
        html=heard.html if heard.kind == "reply" else "", at=heard.at,
        attachments=tuple(
            DraftAttachment(
                name=file.name, media_type=file.media_type, data=file.content,
                state="stored" if file.content is not None else "too_large",
            )
            for file in heard.files
        ),
    )  # fmt: skip


def plain(html: str) -> str:
    """Return the text of what was written in RT's rich editor."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.pieces).split("\n")]
    text = "\n".join(lines).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


class _Text(HTMLParser):
    BREAKS = frozenset({"br", "tr", "li"})
    BLOCKS = frozenset({"p", "div", "ul", "ol", "table", "blockquote", "pre", "h1", "h2", "h3"})
    SILENT = frozenset({"script", "style", "head", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in self.SILENT:
            self._silent += 1
        elif tag in self.BREAKS:
            self.pieces.append("\n- " if tag == "li" else "\n")
        elif tag in self.BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self.BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data.replace("\n", " "))

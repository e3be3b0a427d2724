"""Tickets as text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from gateway_desk.ticket import DeskEntry, DeskTicket


def tell_tickets(tickets: Sequence[DeskTicket]) -> str:
    """Tell tickets, one a line."""
    if not tickets:
        return "No tickets."
    return "\n".join(
        f"{ticket.number:>6}  {ticket.state:<8}  {ticket.tier}  {ticket.priority:<6}  "
        f"{_moment(ticket.updated_at)}  {_plain(ticket.subject) or '(no subject)'}"
        f"{_in_brackets(ticket.assignee)}"
        for ticket in tickets
    )


def tell_ticket(ticket: DeskTicket, entries: Sequence[DeskEntry]) -> str:
    """Tell a ticket with its entries."""
    requester = ticket.requester
    facts = [
        ("State", ticket.state),
        ("From", f"{requester.name} <{requester.value}>".strip() if requester else ""),
        ("Assignee", ticket.assignee),
        ("Queue", ticket.queue),
        ("Tier", f"{ticket.tier}, priority {ticket.priority}"),
        ("Tags", ", ".join(ticket.tags)),
        ("Channel", ticket.channel),
        ("Conversation", ticket.conversation),
    ]
    head = [f"Ticket {ticket.number}: {_plain(ticket.subject) or '(no subject)'}"]
    head += [f"  {name}: {_plain(value)}" for name, value in facts if value]
    return "\n\n".join(["\n".join(head), *(tell_entry(entry) for entry in entries)])


def tell_entry(entry: DeskEntry) -> str:
    """Tell one entry; what was said before is one line."""
    what = "note" if entry.audience == "internal" else entry.author_kind
    marks = [entry.automated.replace("_", " ")] if entry.automated != "none" else []
    marks += ["said before"] if entry.repeat else []
    head = f"[{entry.id}] {_moment(entry.at)} {what} {_plain(entry.author)}".rstrip()
    head += _in_brackets(", ".join(marks))
    lines = [head, *(f"  ! {_plain(remark)}" for remark in entry.remarks)]
    if not entry.repeat:
        lines += [f"  {_plain(line)}" for line in entry.text.splitlines()]
    lines += [
        f"  + {_plain(attachment.name)} ({attachment.size} bytes, {attachment.state})"
        for attachment in entry.attachments
    ]
    return "\n".join(lines)


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _in_brackets(text: str) -> str:
    return f"  ({text})" if text else ""


def _plain(text: str) -> str:
    """Take out what would steer the terminal: the words are a stranger's."""
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in text)

"""Replies and notes given through the API or the command line: arrivals like any other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.domain.arrival import Arrival
from gateway.domain.draft import AgentReply, DraftAttachment, Parsed
from gateway.errors import UnreadableArrival

CONVERSATION = "conversation:"


class ApiReply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of such an arrival.

    Args:
        conversation: the conversation's numeric id.
        internal: a note that no customer sees.
    """

    conversation: int
    text: str
    html: str = ""
    subject: str = ""
    internal: bool = True
    author: str = ""
    attachments: tuple[DraftAttachment, ...] = ()


def named_conversation(ticket: str) -> int:
    """The conversation that such a reply's ticket names."""
    return int(ticket.removeprefix(CONVERSATION))


def parse_api_reply(arrival: Arrival) -> Sequence[Parsed]:
    """Read one; its ticket is the conversation itself.

    Raises:
        UnreadableArrival: it is not what the API wrote.
    """
    try:
        said = msgspec.json.decode(arrival.body, type=ApiReply)
    except msgspec.MsgspecError as error:
        raise UnreadableArrival(f"not an API reply: {error}") from error
    return [
        AgentReply(
            ticket=f"{CONVERSATION}{said.conversation}",
            entry=arrival.key,
            audience="internal" if said.internal else "customer",
            author=said.author,
            text=said.text,
            html=said.html,
            subject=said.subject,
            attachments=said.attachments,
        )
    ]

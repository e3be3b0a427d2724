"""Read what was written at the desk; pure, so that a worker process can do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from gateway import AgentReply, Arrival, Parsed, TicketChange, UnreadableArrival
from gateway_desk.ticket import Audience, TicketState

Moment = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
"""Milliseconds since the Unix epoch."""


class WrittenReply(msgspec.Struct, frozen=True, kw_only=True, tag="reply"):
    """An agent's answer or note, as it enters the gateway."""

    ticket: str
    entry: str
    audience: Audience
    author: str = ""
    text: str
    at: Moment


class WrittenState(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """A ticket's new state, as it enters the gateway."""

    ticket: str
    state: TicketState
    at: Moment


_decoder = msgspec.json.Decoder(WrittenReply | WrittenState)


def read_arrival(arrival: Arrival) -> Sequence[Parsed]:
    """Read an arrival of a desk.

    Raises:
        UnreadableArrival: no desk wrote this.
    """
    try:
        written = _decoder.decode(arrival.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableArrival(f"not what a desk writes: {error}") from error
    if isinstance(written, WrittenState):
        return [
            TicketChange(
                ticket=written.ticket,
                state=written.state,
                native_state=written.state,
                at=written.at,
            )
        ]
    return [
        AgentReply(
            ticket=written.ticket,
            entry=written.entry,
            audience=written.audience,
            author=written.author,
            author_id=written.author,
            text=written.text,
            at=written.at,
        )
    ]

"""What plugins are asked to forget, and what they cannot."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.domain.message import Address


class ForgottenTicket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that a conversation had in a backend."""

    backend: str
    external_id: str
    url: str = ""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway has forgotten of one conversation.

    Args:
        reason: ``retention``, its time was over; ``erasure``, a person asked for it.
        whole: everything in it is gone; else only `messages`, and what was said by others stays.
        messages: ids of the messages that are gone.
        addresses: of the person who is gone; empty for retention.
        tickets: what it became in ticket systems.
    """

    tenant: str
    reason: Literal["retention", "erasure"]
    conversation: str
    whole: bool
    messages: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    tickets: tuple[ForgottenTicket, ...] = ()


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the gateway cannot forget, since another system holds it.

    Args:
        where: ``backend/NAME``, ``channel/NAME`` or ``plugin/NAME``.
        what: in the words of whoever has to erase it there, such as ``ticket 4711``.
    """

    where: str
    what: str
    url: str = ""
